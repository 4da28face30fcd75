/** Calling an artifact as the original is called, however it wants its tensors. As `bundle/interface.py`. */

import { adaptInputs, adaptOutputs } from "../adapt.ts";
import { elementCount, holds, dtypeOf, type Tensor, type Tensors } from "../tensor.ts";
import { RequestError } from "./errors.ts";
import { concatenateRows, fillRows, sliceRows } from "./rows.ts";
import type { Signature, TensorSpec } from "./spec.ts";

/** How the original is called, and how the artifact that stands for it. */
export interface Called {
  readonly original: Signature;
  readonly artifact: Signature;
}

/** Runs a loaded artifact once. */
export type RunSession = (inputs: Tensors) => Promise<Tensors>;

/**
 * Runs an artifact once, or as often as its fixed leading dimension asks for.
 *
 * `inputs` and what is given back have the original's names, dtypes, shapes and layouts. Rejects with a `RangeError`
 * when a value does not fit the artifact's dtype, or the artifact does not take the shape or give an output that the
 * original gives.
 */
export async function runAdapted(run: RunSession, called: Called, inputs: Tensors): Promise<Tensors> {
  const call = async (given: Tensors): Promise<Tensors> => {
    const outputs = await run(adaptInputs(given, called.original, called.artifact));
    const missing = called.artifact.outputs.find(({ name }) => !Object.hasOwn(outputs, name));
    if (missing !== undefined) throw new RangeError(`the artifact gave no output '${missing.name}'`);
    return adaptOutputs(outputs, called.artifact, called.original);
  };
  const rows = rowsOf(inputs, called.original);
  const perCall = rowsPerCall(called.artifact);
  if (rows === null || perCall === null || rows === perCall) return call(inputs);
  const pieces: { count: number; outputs: Tensors }[] = [];
  for (let start = 0; start < rows; start += perCall) {
    const piece = Object.entries(inputs).map(
      ([name, tensor]) => [name, fillRows(sliceRows(tensor, start, start + perCall), perCall)] as const,
    );
    pieces.push({ count: Math.min(perCall, rows - start), outputs: await call(Object.fromEntries(piece)) });
  }
  return Object.fromEntries(called.original.outputs.map((spec) => [spec.name, join(spec, pieces, perCall)]));
}

/** Checks tensors against the inputs of a signature; throws a `RequestError` when one does not fit. */
export function checkInputs({ inputs: specs }: Signature, inputs: Tensors): void {
  const expected = specs.map(({ name }) => name);
  const given = Object.keys(inputs).sort();
  if ([...expected].sort().join("\n") !== given.join("\n")) {
    throw new RequestError(`expected the inputs ${expected.join(", ")}, got ${given.join(", ") || "none"}`);
  }
  const sizes = new Map<string, number>();
  for (const spec of specs) {
    const tensor = inputs[spec.name] as Partial<Tensor> | null;
    if (tensor?.dtype === undefined || tensor.data === undefined || !Array.isArray(tensor.shape)) {
      throw new RequestError(`input '${spec.name}': expected { dtype, shape, data }`);
    }
    checkInput(spec, tensor as Tensor, sizes);
  }
}

function checkInput(spec: TensorSpec, { dtype, shape, data }: Tensor, sizes: Map<string, number>): void {
  const fits =
    shape.length === spec.shape.length &&
    spec.shape.every((wanted, axis) => {
      const got = shape[axis] as number;
      if (typeof wanted === "number") return wanted === got;
      if (!sizes.has(wanted)) sizes.set(wanted, got);
      return sizes.get(wanted) === got;
    });
  if (!fits || dtype !== spec.dtype) {
    throw new RequestError(
      `input '${spec.name}': expected ${spec.dtype}[${spec.shape.join(", ")}], got ${dtype}[${shape.join(", ")}]`,
    );
  }
  const count = elementCount(shape);
  if (!holds(dtypeOf(dtype), data) || data.length !== count) {
    throw new RequestError(`input '${spec.name}': the data is no array of ${count} ${dtype} numbers`);
  }
}

/** Says how many rows the inputs hold, if all of them leave the leading dimension open in the original. */
function rowsOf(inputs: Tensors, original: Signature): number | null {
  return onlyOne(
    original.inputs.map(({ name, shape }) =>
      typeof shape[0] === "string" ? ((inputs[name] as Tensor).shape[0] ?? null) : null,
    ),
  );
}

/** Says how many rows the artifact takes in a call; null when it takes any number. */
function rowsPerCall(artifact: Signature): number | null {
  const size = onlyOne(
    artifact.inputs.filter(({ shape }) => shape.length > 0).map(({ shape }) => shape[0] as number | string),
  );
  return typeof size === "number" ? size : null;
}

function onlyOne<T>(values: readonly T[]): T | null {
  const different = new Set(values);
  return different.size === 1 ? (values[0] as T) : null;
}

function join(
  { name }: TensorSpec,
  pieces: readonly { readonly count: number; readonly outputs: Tensors }[],
  perCall: number,
): Tensor {
  const rows = pieces.map(({ count, outputs }) => {
    const tensor = outputs[name] as Tensor;
    if (tensor.shape[0] !== perCall) {
      throw new RangeError(
        `output '${name}' of shape [${tensor.shape.join(", ")}] does not hold a row for each of ${perCall} rows`,
      );
    }
    return sliceRows(tensor, 0, count);
  });
  return concatenateRows(rows);
}
