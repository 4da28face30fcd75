/**
 * From a picture to the numbers that an input takes, as its signature says: size, colours, `raw · scale + bias`,
 * layout. The size is brought about by the canvas of the browser, whose interpolation is not that of the training.
 */

import type { Tensor } from "../tensor.ts";
import type { TensorSpec } from "../fallback/spec.ts";

/** How a picture of another shape is brought to the input's: its middle is cut out, or it is stretched. */
export type Fit = "crop" | "stretch";

/** Luma of ITU-R BT.601, as Pillow's and OpenCV's grey. */
const LUMA = [0.299, 0.587, 0.114] as const;

interface Places {
  readonly layout: string;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

/** Reads the sizes out of a static shape, [N, C, H, W] in the order of its layout. */
function placesOf(spec: TensorSpec, shape: readonly number[]): Places {
  const layout = spec.layout ?? "NCHW";
  const size = (axis: string): number => shape[layout.indexOf(axis)] ?? 0;
  return { layout, width: size("W"), height: size("H"), channels: size("C") };
}

/** Draws a picture at the size of the input; gives the canvas, which shows what the artifact will see. */
export function draw(source: ImageBitmap, spec: TensorSpec, shape: readonly number[], fit: Fit): HTMLCanvasElement {
  const { width, height } = placesOf(spec, shape);
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = contextOf(canvas);
  context.fillStyle = "#fff"; // what is see-through lies on white
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  const scale = Math.max(width / source.width, height / source.height);
  const cutWidth = fit === "crop" ? width / scale : source.width;
  const cutHeight = fit === "crop" ? height / scale : source.height;
  const left = (source.width - cutWidth) / 2;
  const top = (source.height - cutHeight) / 2;
  context.drawImage(source, left, top, cutWidth, cutHeight, 0, 0, width, height);
  return canvas;
}

function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) throw new Error("this browser gives no canvas to draw the picture on");
  return context;
}

/** Gives float32[N, C, H, W], in the input's own layout, from a canvas of the input's size; one picture for each row. */
export function tensorOf(canvas: HTMLCanvasElement, spec: TensorSpec, shape: readonly number[]): Tensor {
  const { layout, width, height, channels } = placesOf(spec, shape);
  const pixels = contextOf(canvas).getImageData(0, 0, width, height).data;
  const colour = spec.preprocess?.colour ?? "RGB";
  const scale = spec.preprocess?.scale ?? [1];
  const bias = spec.preprocess?.bias ?? [0];
  const strides = stridesOf(layout, shape);
  const [rowStride, channelStride, yStride, xStride] = [..."NCHW"].map((axis) => strides[layout.indexOf(axis)] ?? 0);
  const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
  for (let channel = 0; channel < channels; channel++) {
    const factor = Math.fround(scale[scale.length > 1 ? channel : 0] ?? 1);
    const offset = Math.fround(bias[bias.length > 1 ? channel : 0] ?? 0);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const raw = rawOf(pixels, 4 * (y * width + x), channel, colour);
        // float32 after each step, as the original's preprocessing is computed
        const value = Math.fround(Math.fround(raw * factor) + offset);
        for (let row = 0; row < data.length / ((rowStride ?? 0) || data.length); row++) {
          data[row * (rowStride ?? 0) + channel * (channelStride ?? 0) + y * (yStride ?? 0) + x * (xStride ?? 0)] = value;
        }
      }
    }
  }
  return { dtype: "float32", shape, data };
}

function stridesOf(layout: string, shape: readonly number[]): number[] {
  return [...layout].map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
}

/** Gives a channel of a pixel, 0…255, whole. */
function rawOf(pixels: Uint8ClampedArray, at: number, channel: number, colour: string): number {
  const red = pixels[at] ?? 0;
  const green = pixels[at + 1] ?? 0;
  const blue = pixels[at + 2] ?? 0;
  if (colour === "L") return Math.round(LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue);
  const place = colour === "BGR" ? 2 - channel : channel;
  return [red, green, blue][place] ?? 0;
}
