/** A recording for an input that takes a waveform: a file, or the microphone. */

import type { TensorSpec } from "../fallback/spec.ts";
import type { Catalog } from "./catalog.ts";
import { element } from "./element.ts";
import type { Given, Panel } from "./giving.ts";
import { record, waveformOf, type Waveform } from "./recording.ts";
import { inputsOf } from "./rows.ts";

const RATES = [8000, 16000, 22050, 44100, 48000];
const USUAL_RATE = 16000;

export class RecordingPanel implements Panel {
  readonly element: HTMLElement;
  readonly #catalog: Catalog;
  readonly #spec: TensorSpec;
  readonly #shape: readonly number[];
  readonly #changed: () => void;
  readonly #rate = element(
    "select",
    { id: "rate", "aria-describedby": "rate-about" },
    ...RATES.map((rate) => element("option", { value: rate, selected: rate === USUAL_RATE }, `${rate} Hz`)),
  );
  readonly #wave = element("canvas", { class: "wave", width: 600, height: 80, role: "img", "aria-label": "the waveform" });
  readonly #about = element("p", { class: "quiet" });
  #sound: ArrayBuffer | null = null;
  #waveform: Waveform | null = null;
  #problem: string | null = null;
  #stop: AbortController | null = null;

  constructor(catalog: Catalog, spec: TensorSpec, changed: () => void) {
    this.#catalog = catalog;
    this.#spec = spec;
    this.#changed = changed;
    this.#shape = catalog.sets["golden"]?.inputs.find(({ name }) => name === spec.name)?.shape ?? [];
    const file = element("input", { type: "file", accept: "audio/*,.wav", id: "sound-file" });
    file.addEventListener("change", async () => this.#take((await file.files?.[0]?.arrayBuffer()) ?? null));
    this.#rate.addEventListener("change", () => void this.#decode());
    const start = element("button", { type: "button" }, "Record");
    start.addEventListener("click", () => void this.#record(start));
    const hasMicrophone = "mediaDevices" in navigator;
    const length = this.#shape.at(-1) ?? 0;
    this.element = element(
      "div",
      {},
      element("div", { class: "field" }, element("label", { for: "sound-file" }, "Sound"), file),
      element(
        "div",
        { class: "field" },
        element("label", { for: "rate" }, "Sample rate"),
        this.#rate,
        element(
          "p",
          { class: "quiet", id: "rate-about" },
          `The signature says ${length} samples and no rate: choose the one that the model was trained on.`,
        ),
      ),
      hasMicrophone ? start : element("p", { class: "quiet" }, "Browsers give a microphone to pages of this machine and of https alone."),
      this.#wave,
      this.#about,
    );
  }

  async give(): Promise<Given> {
    if (this.#problem !== null) throw new Error(this.#problem);
    if (this.#waveform === null) throw new Error("Choose a file with sound, or record.");
    const others = this.#catalog.signature.inputs.length > 1;
    const rest = others ? await inputsOf(this.#catalog, "golden", 0) : {};
    const inputs = { ...rest, [this.#spec.name]: this.#waveform.tensor };
    const what = others ? `a recording as ${this.#spec.name}, the other inputs from golden row 1` : "a recording";
    return { inputs, what, expected: null, label: null, golden: false };
  }

  leave(): void {
    this.#stop?.abort();
  }

  async #take(sound: ArrayBuffer | null): Promise<void> {
    this.#sound = sound;
    await this.#decode();
  }

  async #decode(): Promise<void> {
    if (this.#sound === null) return;
    this.#problem = null;
    this.#waveform = null;
    try {
      // Decoding takes the buffer away; another rate decodes it again.
      this.#waveform = await waveformOf(this.#sound.slice(0), Number(this.#rate.value), this.#shape);
      this.#draw(this.#waveform);
    } catch (error) {
      this.#problem = error instanceof Error ? error.message : String(error);
      this.#about.textContent = "";
    }
    this.#changed();
  }

  #draw({ tensor, seconds }: Waveform): void {
    const { width, height } = this.#wave;
    const context = this.#wave.getContext("2d");
    const samples = tensor.data as Float32Array;
    if (context !== null) {
      context.clearRect(0, 0, width, height);
      context.fillStyle = getComputedStyle(this.#wave).color;
      for (let x = 0; x < width; x++) {
        const part = samples.subarray((x * samples.length) / width, ((x + 1) * samples.length) / width + 1);
        const most = part.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0);
        const tall = Math.max(1, most * height);
        context.fillRect(x, (height - tall) / 2, 1, tall);
      }
    }
    const wanted = samples.length / Number(this.#rate.value);
    const change = seconds > wanted ? "what is longer was cut off" : "what is missing is silence";
    this.#about.textContent = `${seconds.toFixed(2)} s of sound, ${wanted.toFixed(2)} s go in; ${change}. Channels were averaged, and the browser resampled.`;
  }

  async #record(button: HTMLButtonElement): Promise<void> {
    if (this.#stop !== null) {
      this.#stop.abort();
      return;
    }
    this.#stop = new AbortController();
    button.textContent = "Stop";
    try {
      const seconds = (this.#shape.at(-1) ?? 0) / Number(this.#rate.value);
      await this.#take(await record(seconds, this.#stop.signal));
    } catch (error) {
      this.#problem = `The microphone cannot be used: ${error instanceof Error ? error.message : String(error)}.`;
      this.#changed();
    }
    this.#stop = null;
    button.textContent = "Record";
  }
}
