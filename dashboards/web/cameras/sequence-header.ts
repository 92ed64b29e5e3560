/** The header with which MPEG-1 video says how large its pictures are (ISO/IEC 11172-2, 2.4.2.3). */

const LENGTH = 12;
const START_CODE = [0, 0, 1, 0xb3] as const;

/** What a sequence header says, and its bytes, for comparing with the next one. */
export interface SequenceHeader {
  readonly width: number;
  readonly height: number;
  readonly bytes: Uint8Array;
}

/** Reads the header at the beginning of a picture's bytes; `undefined` where none stands there. */
export function readSequenceHeader(bytes: Uint8Array): SequenceHeader | undefined {
  if (bytes.length < LENGTH || START_CODE.some((byte, i) => bytes[i] !== byte)) return undefined;
  const [high = 0, shared = 0, low = 0] = bytes.subarray(4);
  return {
    width: (high << 4) | (shared >> 4),
    height: ((shared & 0x0f) << 8) | low,
    bytes: bytes.slice(0, LENGTH),
  };
}

/** Whether a decoder that was made for one header may go on with another. */
export function continuesSequence(first: SequenceHeader, next: SequenceHeader): boolean {
  // The two lowest bits say that matrices follow, which are not compared.
  const hasMatrices = (next.bytes[LENGTH - 1]! & 3) !== 0;
  return !hasMatrices && first.bytes.every((byte, i) => next.bytes[i] === byte);
}
