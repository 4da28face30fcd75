/** Halves (IEEE 754 binary16) as the bits that tensors hold them in. */

const MANTISSA = 1024;
const SMALLEST_NORMAL = 2 ** -14;
const SMALLEST = 2 ** -24;

/** Gives the number that the bits of a half stand for. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 0) return sign * mantissa * SMALLEST;
  if (exponent === 0x1f) return mantissa ? NaN : sign * Infinity;
  return sign * (1 + mantissa / MANTISSA) * 2 ** (exponent - 15);
}

/** Gives the bits of the half that is nearest to a number; of two as near the even one. */
export function halfOfNumber(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size >= 65520) return sign | 0x7c00; // half way from the largest to the next, which there is not
  if (size < SMALLEST_NORMAL) return sign | roundHalfToEven(size / SMALLEST);
  let exponent = Math.floor(Math.log2(size));
  if (2 ** exponent > size) exponent -= 1; // the logarithm is rounded
  if (2 ** (exponent + 1) <= size) exponent += 1;
  // A mantissa that is rounded up to the next power of two carries into the exponent by itself.
  return sign | (((exponent + 15) << 10) + roundHalfToEven((size / 2 ** exponent - 1) * MANTISSA));
}

/** Rounds to the nearest integer; of two as near to the even one. */
export function roundHalfToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}
