/** Tensors as they go into an engine and come out of it: numbers in a typed array, row by row, with dtype and shape. */

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  /** One byte an element, 0 or 1. */
  bool: Uint8Array,
  /** The bits of each element: not every browser has an array of halves. */
  float16: Uint16Array,
} as const;

/** An element type by its name in signatures. */
export type DType = keyof typeof ARRAYS;
export type Numbers = InstanceType<(typeof ARRAYS)[DType]>;

export interface Tensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: Numbers;
}

/** Tensors by the names of a signature. */
export type Tensors = Readonly<Record<string, Tensor>>;

/** Reads a name of an element type; throws a `TypeError` for one that there is not. */
export function dtypeOf(name: string): DType {
  if (!Object.hasOwn(ARRAYS, name)) throw new TypeError(`no element type is called ${JSON.stringify(name)}`);
  return name as DType;
}

/** Looks at bytes (little-endian) as numbers; copies only where the bytes lie at an odd place. */
export function numbersOf(dtype: DType, bytes: Uint8Array): Numbers {
  const kind = ARRAYS[dtype];
  const size = kind.BYTES_PER_ELEMENT;
  if (bytes.byteLength % size) throw new RangeError(`${bytes.byteLength} bytes are no ${dtype}s`);
  const aligned = bytes.byteOffset % size ? bytes.slice() : bytes;
  return new kind(aligned.buffer as ArrayBuffer, aligned.byteOffset, aligned.byteLength / size);
}

/** Makes an array of zeros. */
export function zeros(dtype: DType, count: number): Numbers {
  return new ARRAYS[dtype](count);
}

/** Whether an array is of the kind that holds numbers of an element type. */
export function holds(dtype: DType, data: unknown): data is Numbers {
  return data instanceof ARRAYS[dtype];
}

/** Looks at numbers as bytes. */
export function bytesOf(data: Numbers): Uint8Array {
  return new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
}

/** Counts the elements of a shape. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
