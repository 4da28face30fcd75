/** The golden vectors: whether an artifact still computes here what the original computed. As `bundle/golden.py`. */

import type { Tensor, Tensors } from "../tensor.ts";
import { significant } from "../significant.ts";
import { runAdapted, type Called, type RunSession } from "./interface.ts";
import type { Golden, Tolerance } from "./manifest.ts";
import { compare, type Parity } from "./parity.ts";
import { concatenateRows, fillRows, sliceRows } from "./rows.ts";

/**
 * Runs an artifact over the golden inputs; gives its outputs, the first axis of each counting the rows.
 *
 * One row a call where the original leaves the batch open: that is how the golden outputs were computed.
 */
export async function runGolden(run: RunSession, called: Called, golden: Golden, inputs: Tensors): Promise<Tensors> {
  const leading = called.original.inputs.map(({ shape }) => shape[0] ?? 1);
  const fixed = leading.filter((size) => typeof size === "number");
  const rowsPerCall = golden.batched ? Math.min(...(fixed.length > 0 ? fixed : [1])) : 1;
  const pieces: Tensors[] = [];
  for (let start = 0; start < golden.rows; start += rowsPerCall) {
    const rows = mapTensors(inputs, (tensor) => fillRows(sliceRows(tensor, start, start + rowsPerCall), rowsPerCall));
    if (golden.batched) pieces.push(await runAdapted(run, called, rows));
    else pieces.push(mapTensors(await runAdapted(run, called, mapTensors(rows, withoutRow)), withRow));
  }
  return mapTensors(pieces[0] as Tensors, (_, name) => {
    const whole = concatenateRows(pieces.map((piece) => piece[name] as Tensor));
    return sliceRows(whole, 0, golden.rows);
  });
}

/** Compares outputs with the golden ones: one sentence for each bound that does not hold. */
export function mismatches(
  outputs: Tensors,
  expected: Tensors,
  tolerances: ReadonlyMap<string, readonly Tolerance[]>,
): readonly string[] {
  const found: string[] = [];
  for (const [name, bounds] of tolerances) {
    const parity = compare(name, expected[name] as Tensor, outputs[name] as Tensor);
    if (typeof parity === "string") found.push(parity);
    else found.push(...bounds.map((bound) => breach(name, parity, bound)).filter((sentence) => sentence !== null));
  }
  return found;
}

/** Says how an output breaks a bound; null when it holds. A figure that does not exist breaks it, unless equal. */
export function breach(name: string, parity: Parity, { kind, bound }: Tolerance): string | null {
  if (parity.equal_fraction === 1 && parity.nonfinite === 0) return null;
  if (kind === "max_abs" || kind === "max_abs_scaled") {
    const most = bound * (kind === "max_abs_scaled" ? Math.max(1, parity.reference_max_abs) : 1);
    const value = parity.max_abs;
    if (value !== null && value <= most) return null;
    return `output '${name}': max_abs ${show(value)} is above ${significant(most, 3)}`;
  }
  const value = parity[kind];
  if (value !== null && value >= bound) return null;
  return `output '${name}': ${kind} ${show(value)} is below ${significant(bound, 6)}`;
}

function show(value: number | null): string {
  return value === null ? "(none)" : significant(value, 6);
}

function mapTensors(tensors: Tensors, change: (tensor: Tensor, name: string) => Tensor): Tensors {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, change(tensor, name)]));
}

function withoutRow({ dtype, shape, data }: Tensor): Tensor {
  return { dtype, shape: shape.slice(1), data };
}

function withRow({ dtype, shape, data }: Tensor): Tensor {
  return { dtype, shape: [1, ...shape], data };
}
