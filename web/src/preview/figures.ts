/** Figures of tensors and of times. */

import { asNumbers } from "../adapt.ts";
import type { Tensor } from "../tensor.ts";

/** Gives every element as a number; int64 beyond 2⁵³ is rounded, which is good enough to look at. */
export function numbersIn(tensor: Tensor): Float64Array {
  return Float64Array.from(asNumbers(tensor));
}

export interface Facts {
  readonly least: number;
  readonly most: number;
  readonly mean: number;
  /** How many are NaN or infinite; they are in none of the others. */
  readonly nonfinite: number;
}

export function factsOf(values: Float64Array): Facts {
  let [least, most, sum, finite] = [Infinity, -Infinity, 0, 0];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    finite++;
    sum += value;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return { least, most, mean: sum / finite, nonfinite: values.length - finite };
}

/** Interpolates between neighbours, as NumPy's `percentile` does. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = share * (sorted.length - 1);
  const below = sorted[Math.floor(place)] ?? NaN;
  const above = sorted[Math.ceil(place)] ?? NaN;
  return below + (above - below) * (place - Math.floor(place));
}
