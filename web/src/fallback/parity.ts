/** How far an output is from the original's. The figures are those of `profiles/parity.py`, summed in float64. */

import { asNumbers } from "../adapt.ts";
import type { Tensor } from "../tensor.ts";

/** A figure is null where it does not exist: of equal outputs the ratios would be infinite. */
export interface Parity {
  readonly max_abs: number | null;
  readonly cosine: number | null;
  readonly psnr_db: number | null;
  readonly snr_db: number | null;
  readonly equal_fraction: number;
  readonly reference_max_abs: number;
  /** How many elements are NaN or infinite in one and something else in the other. */
  readonly nonfinite: number;
}

/** Compares an output with the reference; gives a sentence where their shapes differ. */
export function compare(name: string, reference: Tensor, candidate: Tensor): Parity | string {
  if (reference.shape.join() !== candidate.shape.join()) {
    return (
      `output '${name}': the artifact gives the shape [${candidate.shape.join(", ")}], ` +
      `the original [${reference.shape.join(", ")}]`
    );
  }
  const left = asNumbers(reference);
  const right = asNumbers(candidate);
  let [maxAbs, referenceMaxAbs, squaredError, squaredReference, squaredCandidate, product] = [0, 0, 0, 0, 0, 0];
  let [equal, nonfinite, finite] = [0, 0, 0];
  for (let index = 0; index < left.length; index += 1) {
    const r = left[index] as number;
    const x = right[index] as number;
    const same = areEqual(reference, candidate, index, r, x);
    if (same) equal += 1;
    if (!Number.isFinite(r) || !Number.isFinite(x)) {
      if (!same) nonfinite += 1;
      continue;
    }
    const error = x - r;
    finite += 1;
    maxAbs = Math.max(maxAbs, Math.abs(error));
    referenceMaxAbs = Math.max(referenceMaxAbs, Math.abs(r));
    squaredError += error * error;
    squaredReference += r * r;
    squaredCandidate += x * x;
    product += r * x;
  }
  const decibels = (signal: number) => (nonfinite > 0 ? null : ratioInDecibels(signal, squaredError));
  return {
    max_abs: nonfinite > 0 || !Number.isFinite(maxAbs) ? null : maxAbs,
    cosine: nonfinite > 0 ? null : cosineOf(product, squaredReference, squaredCandidate),
    psnr_db: decibels(finite * referenceMaxAbs * referenceMaxAbs),
    snr_db: decibels(squaredReference),
    equal_fraction: left.length > 0 ? equal / left.length : 1,
    reference_max_abs: referenceMaxAbs,
    nonfinite,
  };
}

/** Whether two elements are equal; integers of 64 bits by all their digits, and NaN equals NaN. */
function areEqual(reference: Tensor, candidate: Tensor, index: number, r: number, x: number): boolean {
  const [a, b] = [reference.data[index], candidate.data[index]];
  if (typeof a === "bigint" && typeof b === "bigint") return a === b;
  return r === x || (Number.isNaN(r) && Number.isNaN(x));
}

function cosineOf(product: number, squaredReference: number, squaredCandidate: number): number | null {
  const lengths = Math.sqrt(squaredReference) * Math.sqrt(squaredCandidate);
  if (!(lengths > 0) || lengths === Infinity || !Number.isFinite(product)) return null;
  return Math.max(-1, Math.min(1, product / lengths));
}

/** Gives `10·log10(signal / noise)`; null where that is no finite number. */
function ratioInDecibels(signal: number, noise: number): number | null {
  if (!(signal > 0) || signal === Infinity || !(noise > 0) || noise === Infinity) return null;
  return 10 * (Math.log10(signal) - Math.log10(noise));
}
