/** Whole numbers up to 2^53-1 as big-endian bytes of a fixed width, so that their bytes sort as they do. */

/** Bytes that hold any index, size or sequence number. */
export const INDEX_BYTES = 7;

/** Writes `value` into `width` bytes at `at`. It must fit: what does not is cut off. */
export function putInteger(bytes: Uint8Array, at: number, width: number, value: number): void {
  let rest = value;
  for (let i = at + width - 1; i >= at; i--) {
    bytes[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}

/** Reads `width` bytes at `at`; zeros where the bytes end before. */
export function getInteger(bytes: Uint8Array, at: number, width: number): number {
  let value = 0;
  for (let i = at; i < at + width; i++) value = value * 256 + (bytes[i] ?? 0);
  return value;
}

/** Gives an index as 7 fresh bytes. */
export function indexBytes(index: number): Uint8Array {
  const bytes = new Uint8Array(INDEX_BYTES);
  putInteger(bytes, 0, INDEX_BYTES, index);
  return bytes;
}
