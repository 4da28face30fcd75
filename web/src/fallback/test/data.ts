/** Cases that the Python side passes too, and the bundle that its tests keep. */

import { readFileSync } from "node:fs";
import { dtypeOf, zeros, type DType, type Tensor } from "../../tensor.ts";

const TESTS = new URL(`file://${process.cwd()}/../tests/`);

/** A number as the files of cases have it: text where JSON has no form for it, or a float64 does not hold it. */
export type Written = number | string;

export function readTestFile(path: string): Uint8Array {
  return readFileSync(new URL(path, TESTS));
}

export function readJson<T>(path: string): T {
  return JSON.parse(new TextDecoder().decode(readTestFile(path))) as T;
}

export function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "base64"));
}

export function tensorOf(dtype: string, shape: readonly number[], values: readonly Written[]): Tensor {
  const kind = dtypeOf(dtype);
  const data = zeros(kind, values.length);
  for (const [index, value] of values.entries()) data[index] = elementOf(kind, value) as never;
  return { dtype: kind, shape, data };
}

/** What stands for a number in an array: `number`, `bigint`, or the bits of a half. */
export function elementOf(dtype: DType, value: Written): number | bigint {
  if (dtype === "int64" || dtype === "uint64") return BigInt(value);
  const number = value === "nan" ? NaN : value === "inf" ? Infinity : value === "-inf" ? -Infinity : Number(value);
  return dtype === "float16" ? halfBits(number) : number;
}

/** Halves by their table of 65,536 values, so that the code under test is not asked. */
function halfBits(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const size = Math.abs(value);
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  for (let bits = 0; bits <= 0x7c00; bits += 1) {
    const exponent = bits >> 10;
    const mantissa = bits & 0x3ff;
    const number =
      exponent === 0x1f ? Infinity : exponent ? (1 + mantissa / 1024) * 2 ** (exponent - 15) : mantissa / 2 ** 24;
    if (number === size) return sign | bits;
  }
  throw new RangeError(`${value} is no half`);
}
