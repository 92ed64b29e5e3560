/**
 * The 16-bit cyclic redundancy check with polynomial x^16 + x^15 + x^2 + 1, low bit first.
 *
 * Modbus RTU begins with FFFF (Modbus over Serial Line V1.02, section 6.2.2), DSMR P1 with 0 (P1 Companion Standard 5.0.2,
 * section 6.2). How the result is written on the line is the protocols' affair.
 */

const POLYNOMIAL_REVERSED = 0xa001;

/** Computes the check of `bytes`, 0 to FFFF, beginning from `start`. */
export function crc16(bytes: Uint8Array, start: number): number {
  let crc = start;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) {
      crc = (crc & 1) === 1 ? (crc >> 1) ^ POLYNOMIAL_REVERSED : crc >> 1;
    }
  }
  return crc;
}
