/** Pictures and what models take: pixels of 0 to 255, and the numbers that preprocessing made of them. */

import { roundHalfToEven } from "./float16.ts";
import { significant } from "./significant.ts";
import type { Spec } from "./adapt.ts";
import type { Tensor } from "./tensor.ts";

const CHANNELS: Readonly<Record<string, number>> = { RGB: 3, BGR: 3, L: 1 };

/**
 * How far from a whole number a pixel may be that was computed back from what was preprocessed: float32 arithmetic is
 * off by less than a thousandth, a picture that was resized after it was read by up to a half. As
 * `vocabulary/picture.py`.
 */
const OFF_GRID = 0.02;

/** Whether an input takes float32 that is made of pixels, [N, C, H, W] in a known order of channels. */
export function isPicture({ preprocess, dtype, shape, layout }: Spec): boolean {
  const channels = CHANNELS[preprocess?.colour ?? ""];
  if (preprocess == null || channels === undefined || dtype !== "float32") return false;
  const fits = [preprocess.scale ?? [1], preprocess.bias ?? [0]].every(
    ({ length }) => length === 1 || length === channels,
  );
  return shape.length === 4 && shape[channelAxis(layout)] === channels && fits;
}

/**
 * Gives the pixels that an input's numbers were made of, in the layout that they have: float[N, C, H, W] → uint8.
 *
 * Throws a `RangeError` when they are not made of whole numbers from 0 to 255.
 */
export function pixelsOf(
  numbers: ArrayLike<number>,
  shape: readonly number[],
  given: Spec,
  layout: string | null,
): Tensor {
  const axis = channelAxis(layout);
  const channels = shape[axis] as number;
  const inner = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  const scale = perChannel(given.preprocess?.scale ?? [1], channels);
  const bias = perChannel(given.preprocess?.bias ?? [0], channels);
  const data = new Uint8Array(numbers.length);
  for (let index = 0; index < data.length; index += 1) {
    const channel = Math.floor(index / inner) % channels;
    const exact = ((numbers[index] as number) - (bias[channel] as number)) / (scale[channel] as number);
    const whole = roundHalfToEven(exact);
    if (!(Math.abs(exact - whole) <= OFF_GRID && whole >= 0 && whole <= 255)) {
      const pixel = significant(exact, 6);
      throw new RangeError(
        `'${given.name}': no picture: a pixel would be ${pixel}, and pixels are whole numbers from 0 to 255`,
      );
    }
    data[index] = whole;
  }
  return { dtype: "uint8", shape, data };
}

function channelAxis(layout: string | null | undefined): number {
  return (layout ?? "NCHW").indexOf("C");
}

function perChannel(factors: readonly number[], channels: number): Float32Array {
  return Float32Array.from(
    { length: channels },
    (_, channel) => (factors.length === 1 ? factors[0] : factors[channel]) as number,
  );
}
