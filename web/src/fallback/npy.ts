/**
 * Arrays in NumPy's file format (`.npy`, versions 1 to 3), as golden vectors are kept.
 *
 * Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html. Of it what `TensorFolder` writes is
 * read: little-endian numbers in C order; anything else is refused.
 */

import { TrustError } from "./errors.ts";
import { elementCount, numbersOf, type DType, type Tensor } from "../tensor.ts";

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // \x93NUMPY
const HEADER =
  /^\{'descr': '([^']*)', 'fortran_order': (True|False), 'shape': \(((?:\d+,|\d+(?:, \d+)+,?)?)\),? *\} *\n$/;
const DTYPES: Readonly<Record<string, DType>> = {
  "|b1": "bool",
  "|i1": "int8",
  "|u1": "uint8",
  "<i2": "int16",
  "<u2": "uint16",
  "<i4": "int32",
  "<u4": "uint32",
  "<i8": "int64",
  "<u8": "uint64",
  "<f2": "float16",
  "<f4": "float32",
  "<f8": "float64",
};

/** Reads an array; throws a `TrustError` when the file is not such an array, whole and with nothing behind it. */
export function parseNpy(data: Uint8Array, where: string): Tensor {
  const { header, end } = headerOf(data, where);
  const match = HEADER.exec(header);
  if (match === null) throw new TrustError(`${where}: the header is not NumPy's`);
  const [, descr, order, sizes] = match as unknown as [string, string, string, string];
  const dtype = Object.hasOwn(DTYPES, descr) ? DTYPES[descr] : undefined;
  if (dtype === undefined) throw new TrustError(`${where}: arrays of ${descr} cannot be held here`);
  if (order === "True") throw new TrustError(`${where}: the array is in Fortran order, and C order is expected`);
  const shape = sizes
    .split(",")
    .filter((size) => size.trim() !== "")
    .map(Number);
  const body = data.subarray(end);
  const numbers = body.length === 0 ? numbersOf(dtype, new Uint8Array()) : tryNumbers(dtype, body, where);
  if (numbers.length !== elementCount(shape)) {
    throw new TrustError(`${where}: ${numbers.length} elements, and a shape of [${shape.join(", ")}]`);
  }
  return { dtype, shape, data: numbers };
}

function tryNumbers(dtype: DType, body: Uint8Array, where: string): Tensor["data"] {
  try {
    return numbersOf(dtype, body);
  } catch {
    throw new TrustError(`${where}: ${body.length} bytes are no whole number of ${dtype}`);
  }
}

function headerOf(data: Uint8Array, where: string): { header: string; end: number } {
  const major = data[6] ?? 0;
  if (data.length < 12 || MAGIC.some((byte, index) => data[index] !== byte) || major < 1 || major > 3) {
    throw new TrustError(`${where}: it is no array of NumPy`);
  }
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const start = major === 1 ? 10 : 12;
  const end = start + (major === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (end > data.length) throw new TrustError(`${where}: it is cut short`);
  return { header: new TextDecoder().decode(data.subarray(start, end)), end };
}
