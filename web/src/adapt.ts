/**
 * Tensors between the source's way of being called and an artifact's: another layout, dtype or form of a scalar.
 *
 * The rules are those of `targets/adapt.py`; `tests/fallback/vectors.json` holds cases that both pass.
 */

import { halfOfNumber, halfToNumber, roundHalfToEven } from "./float16.ts";
import { isPicture, pixelsOf } from "./picture.ts";
import { dtypeOf, zeros, type DType, type Numbers, type Tensor, type Tensors } from "./tensor.ts";

/** What adapting needs to know of an input or output; `layout`, `preprocess` and `quantization` may be left out. */
export interface Spec {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly (number | string)[];
  readonly layout?: string | null;
  readonly preprocess?: {
    readonly scale?: readonly number[];
    readonly bias?: readonly number[];
    readonly colour?: string | null;
  } | null;
  readonly quantization?: { readonly scale: number; readonly zero_point: number } | null;
}

/** How a model is called. */
export interface Interface {
  readonly inputs: readonly Spec[];
  readonly outputs: readonly Spec[];
}

/** The layout of a tensor, by rank, where its signature says none: ONNX's own. */
const DEFAULT_LAYOUTS: Readonly<Record<number, string>> = { 3: "NCW", 4: "NCHW", 5: "NCDHW" };

const INTEGERS: Readonly<Partial<Record<DType, readonly [bigint, bigint]>>> = {
  int8: [-(2n ** 7n), 2n ** 7n - 1n],
  uint8: [0n, 2n ** 8n - 1n],
  int16: [-(2n ** 15n), 2n ** 15n - 1n],
  uint16: [0n, 2n ** 16n - 1n],
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
};

/** Gives what an artifact takes for the inputs of the original. Throws as `adapt`. */
export function adaptInputs(inputs: Tensors, original: Interface, artifact: Interface): Tensors {
  return adaptAll(inputs, original.inputs, artifact.inputs);
}

/** Gives the original's outputs for those of an artifact. Throws as `adapt`, and when one is missing. */
export function adaptOutputs(outputs: Tensors, artifact: Interface, original: Interface): Tensors {
  return adaptAll(outputs, artifact.outputs, original.outputs);
}

function adaptAll(tensors: Tensors, given: readonly Spec[], taken: readonly Spec[]): Tensors {
  if (given.length !== taken.length) {
    throw new RangeError(
      `the original and the artifact differ: ${given.length} tensors on one side, ${taken.length} on the other`,
    );
  }
  return Object.fromEntries(
    given.map((spec, index) => {
      const other = taken[index] as Spec;
      const tensor = Object.hasOwn(tensors, spec.name) ? tensors[spec.name] : undefined;
      if (tensor === undefined) throw new RangeError(`there is no '${spec.name}'`);
      return [other.name, adapt(tensor, spec, other)];
    }),
  );
}

/**
 * Gives one call's tensor as `taken` has it, from how `given` has it: another layout, another dtype.
 *
 * Integers that stand for reals become these reals, and reals the nearest integers, saturated. What was made of pixels
 * becomes pixels again where `taken` has uint8. What is a scalar on one side and one element in a row on the other is
 * brought to the other's form.
 *
 * Throws a `RangeError` when a value does not fit into the other dtype, what should be made of pixels is not, or the
 * two layouts are not of the same axes; a `TypeError` when there are no arrays of the other dtype here.
 */
export function adapt(tensor: Tensor, given: Spec, taken: Spec): Tensor {
  const arranged = arrange(reshapeScalar(tensor, given, taken), given, taken);
  if (arranged.dtype === taken.dtype) return arranged;
  const dtype = dtypeOf(taken.dtype);
  const { shape } = arranged;
  if (given.quantization != null && arranged.dtype === given.dtype) {
    const { scale, zero_point } = given.quantization;
    const factor = Math.fround(scale);
    const real = (value: number) => Math.fround(Math.fround(((value | 0) - zero_point) | 0) * factor);
    return { dtype, shape, data: rounded(arranged, dtype, real) };
  }
  if (taken.quantization != null) {
    return { dtype, shape, data: quantized(arranged, dtype, taken.quantization, given.name) };
  }
  if (dtype === "uint8" && isPicture(given)) {
    return pixelsOf(asNumbers(arranged), shape, given, taken.layout ?? null);
  }
  return { dtype, shape, data: converted(arranged, dtype, given.name) };
}

function reshapeScalar(tensor: Tensor, given: Spec, taken: Spec): Tensor {
  const isScalar = given.shape.length === 0 && taken.shape.length === 1 && taken.shape[0] === 1;
  const isOne = given.shape.length === 1 && given.shape[0] === 1 && taken.shape.length === 0;
  if (!isScalar && !isOne) return tensor;
  if (tensor.data.length !== 1) throw new RangeError(`'${given.name}': ${tensor.data.length} elements are no scalar`);
  return { ...tensor, shape: isScalar ? [1] : [] };
}

function arrange(tensor: Tensor, given: Spec, taken: Spec): Tensor {
  const rank = tensor.shape.length;
  const layout = given.layout ?? DEFAULT_LAYOUTS[rank];
  const wanted = taken.layout ?? DEFAULT_LAYOUTS[rank];
  if (layout === undefined || wanted === undefined || layout === wanted) return tensor;
  if ([...layout].sort().join() !== [...wanted].sort().join() || layout.length !== rank) {
    throw new RangeError(`'${given.name}': ${rank} axes cannot go from layout ${layout} to ${wanted}`);
  }
  return transpose(
    tensor,
    Array.from(wanted, (axis) => layout.indexOf(axis)),
  );
}

/** Gives a tensor whose axis `n` is axis `axes[n]` of another. */
function transpose({ dtype, shape, data }: Tensor, axes: readonly number[]): Tensor {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
  const sizes = axes.map((axis) => shape[axis] as number);
  const steps = axes.map((axis) => strides[axis] as number);
  const out = zeros(dtype, data.length);
  const place = sizes.map(() => 0);
  let from = 0;
  for (let index = 0; index < out.length; index += 1) {
    out[index] = data[from] as never; // both are arrays of one kind
    for (let axis = sizes.length - 1; axis >= 0; axis -= 1) {
      from += steps[axis] as number;
      place[axis] = (place[axis] as number) + 1;
      if (place[axis] !== sizes[axis]) break;
      from -= (steps[axis] as number) * (sizes[axis] as number);
      place[axis] = 0;
    }
  }
  return { dtype, shape: sizes, data: out };
}

/** Looks at the elements of a tensor as numbers; integers of 64 bits are rounded to float64. */
export function asNumbers({ dtype, data }: Tensor): ArrayLike<number> {
  if (dtype === "float16") return Float32Array.from(data as Uint16Array, halfToNumber);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Float64Array.from(data, Number);
  return data;
}

function rounded(tensor: Tensor, dtype: DType, real: (value: number) => number): Numbers {
  const values = asNumbers(tensor);
  if (dtype === "float16") return Uint16Array.from(values, (value) => halfOfNumber(real(value)));
  if (dtype === "float32") return Float32Array.from(values, real);
  if (dtype === "float64") return Float64Array.from(values, real);
  throw new RangeError(`integers that stand for reals cannot become ${dtype}`);
}

function quantized(tensor: Tensor, dtype: DType, affine: NonNullable<Spec["quantization"]>, name: string): Numbers {
  const limits = INTEGERS[dtype];
  if (limits === undefined) throw new RangeError(`'${name}': reals cannot become integers of ${dtype}`);
  const [lowest, highest] = limits.map(Number) as [number, number];
  const values = asNumbers(tensor);
  const scale = Math.fround(affine.scale);
  const data = zeros(dtype, values.length);
  for (let index = 0; index < data.length; index += 1) {
    const steps = Math.fround(
      roundHalfToEven(Math.fround(Math.fround(values[index] as number) / scale)) + affine.zero_point,
    );
    if (Number.isNaN(steps)) throw new RangeError(`'${name}': there is no integer for NaN`);
    write(data, index, Math.min(Math.max(steps, lowest), highest));
  }
  return data;
}

function converted(tensor: Tensor, dtype: DType, name: string): Numbers {
  const data = zeros(dtype, tensor.data.length);
  const values: ArrayLike<number | bigint> = tensor.dtype === "float16" ? asNumbers(tensor) : tensor.data;
  for (let index = 0; index < data.length; index += 1) {
    const value = values[index] as number | bigint;
    if (!fits(value, dtype)) {
      throw new RangeError(`'${name}': values of ${tensor.dtype} do not fit into ${dtype}`);
    }
    if (dtype === "float16") data[index] = halfOfNumber(Number(value)) as never;
    else write(data, index, value);
  }
  return data;
}

/** Whether a value is the same number in another dtype. */
function fits(value: number | bigint, dtype: DType): boolean {
  const number = Number(value);
  switch (dtype) {
    case "float64":
      return true;
    case "float32":
      return Object.is(number, NaN) || Math.fround(number) === number;
    case "float16":
      return Object.is(number, NaN) || halfToNumber(halfOfNumber(number)) === number;
    case "bool":
      return number === 0 || number === 1;
  }
  const limits = INTEGERS[dtype];
  if (limits === undefined || (typeof value === "number" && !Number.isInteger(value))) return false;
  const whole = BigInt(value);
  return whole >= limits[0] && whole <= limits[1];
}

/** Writes a value that the array's dtype can hold. */
function write(data: Numbers, index: number, value: number | bigint): void {
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[index] = BigInt(value);
  else data[index] = Number(value);
}
