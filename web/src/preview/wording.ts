/** Figures as a person reads them. */

import type { Tensor } from "../tensor.ts";
import type { TensorSpec } from "../fallback/spec.ts";

/** `1.23 ms`: three digits that count. */
export function inMs(ms: number): string {
  if (ms === 0) return "0 ms";
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(ms))));
  return ms >= 1000 ? `${(ms / 1000).toFixed(2)} s` : `${ms.toFixed(Math.min(digits, 3))} ms`;
}

export function inBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const [size, unit] = bytes < 1e6 ? [bytes / 1e3, "kB"] : [bytes / 1e6, "MB"];
  return `${size < 10 ? size.toFixed(1) : size.toFixed(0)} ${unit}`;
}

/** A number of a tensor, short. */
export function inShort(value: number | bigint): string {
  if (typeof value === "bigint" || Number.isInteger(value)) return String(value).replace("-", "−");
  const text = Math.abs(value) >= 1e-4 && Math.abs(value) < 1e6 ? value.toPrecision(5) : value.toExponential(2);
  return text.replaceAll("-", "−");
}

export function ofShape({ dtype, shape }: Tensor | TensorSpec): string {
  return `${dtype}[${shape.join(", ")}]`;
}

export function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}
