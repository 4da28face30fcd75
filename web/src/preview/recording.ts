/** From a recording to a waveform: one channel, the sample rate that is asked for, the length that the input takes. */

import type { Tensor } from "../tensor.ts";

export interface Waveform {
  readonly tensor: Tensor;
  /** How long the sound was before it was cut or filled up with silence. */
  readonly seconds: number;
}

/**
 * Decodes sound (whatever the browser can: WAV always) and brings it to float32[…shape] in −1…1.
 * The browser resamples. Rejects when it cannot be decoded.
 */
export async function waveformOf(bytes: ArrayBuffer, rate: number, shape: readonly number[]): Promise<Waveform> {
  const length = shape.at(-1) ?? 0;
  let sound: AudioBuffer;
  try {
    sound = await new OfflineAudioContext(1, length, rate).decodeAudioData(bytes);
  } catch {
    throw new Error("this browser cannot read it as sound; a WAV file of PCM samples always can be");
  }
  const data = new Float32Array(length);
  for (let channel = 0; channel < sound.numberOfChannels; channel++) {
    const samples = sound.getChannelData(channel).subarray(0, length);
    for (const [place, sample] of samples.entries()) data[place] = (data[place] ?? 0) + sample / sound.numberOfChannels;
  }
  return { tensor: { dtype: "float32", shape, data }, seconds: sound.duration };
}

/** Records from the microphone for so many seconds, or until the signal is aborted. */
export async function record(seconds: number, signal: AbortSignal): Promise<ArrayBuffer> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  try {
    const recorder = new MediaRecorder(stream);
    const parts: Blob[] = [];
    recorder.ondataavailable = ({ data }) => parts.push(data);
    const stopped = new Promise<void>((resolve) => recorder.addEventListener("stop", () => resolve(), { once: true }));
    recorder.start();
    const stop = (): void => (recorder.state === "recording" ? recorder.stop() : undefined);
    const timer = setTimeout(stop, seconds * 1000);
    signal.addEventListener("abort", stop, { once: true });
    await stopped;
    clearTimeout(timer);
    return await new Blob(parts, { type: recorder.mimeType }).arrayBuffer();
  } finally {
    for (const track of stream.getTracks()) track.stop();
  }
}
