/**
 * IEEE 754 half precision, which deterministic CBOR needs and no host of ours offers yet.
 *
 * Only values that fit exactly are ever written; the rest belongs to wider floats (RFC 8949, 4.2.1).
 */

/** Reads the 16 bits of a half: value, infinity or NaN. */
export function decodeFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** Gives the 16 bits of the half that equals the finite `value` exactly, or `undefined` where there is none. */
export function encodeFloat16(value: number): number | undefined {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size === 0) return sign;
  if (size > 65_504) return undefined;
  if (size < 2 ** -14) {
    const fraction = size * 2 ** 24;
    return Number.isInteger(fraction) ? sign | fraction : undefined;
  }
  const exponent = Math.floor(Math.log2(size));
  // log2 may round up to the next power just below it.
  const power = 2 ** exponent > size ? exponent - 1 : exponent;
  const significand = size * 2 ** (10 - power);
  if (!Number.isInteger(significand)) return undefined;
  return sign | ((power + 15) << 10) | (significand - 1024);
}
