/**
 * Answers of the Winsen MH-Z19B carbon dioxide sensor, after its User's Manual V1.0.
 *
 * Nine bytes: FF, the command that is answered, six of data, and what makes the sum of all but the first zero.
 */

import type { Framer } from "./framer.ts";
import { RollingFramer, type Verdict } from "./rolling-framer.ts";

/** An answer. */
export interface Mhz19Frame {
  /** The command that is answered: 86 a reading; 79 and 99, which only some issues of the sensor answer, settings. */
  readonly command: number;
  /** Six bytes. */
  readonly data: readonly number[];
}

const HEAD = 0xff;
const COMMANDS: readonly number[] = [0x79, 0x86, 0x99];
/** Bytes of every frame, in either direction. */
export const MHZ19_FRAME_BYTES = 9;

/** Makes a framer of answers. */
export function mhz19Framer(): Framer<Mhz19Frame> {
  return new RollingFramer({ bytesMax: MHZ19_FRAME_BYTES, examine });
}

/** The byte that closes a frame, of its bytes without head and checksum. */
export function mhz19Checksum(body: Iterable<number>): number {
  let sum = 0;
  for (const byte of body) sum += byte;
  return -sum & 0xff;
}

function examine(bytes: Uint8Array): Verdict<Mhz19Frame> {
  const head = bytes.indexOf(HEAD);
  if (head !== 0) return { kind: "noise", length: head < 0 ? bytes.length : head };
  const command = bytes[1];
  if (command === undefined) return { kind: "incomplete" };
  if (!COMMANDS.includes(command)) return { kind: "noise", length: 1 };
  if (bytes.length < MHZ19_FRAME_BYTES) return { kind: "incomplete" };
  const last = MHZ19_FRAME_BYTES - 1;
  if (bytes[last] !== mhz19Checksum(bytes.subarray(1, last))) return { kind: "broken" };
  if (beginsInside(bytes)) return { kind: "broken" };
  return {
    kind: "frame",
    length: MHZ19_FRAME_BYTES,
    frame: { command, data: [...bytes.subarray(2, last)] },
  };
}

/**
 * Whether another frame begins in the middle: this one was cut, and its checksum is right by chance.
 *
 * With eight bits that happens, and in a whole frame such a pair of bytes would be a sensor beyond 80 °C.
 */
function beginsInside(bytes: Uint8Array): boolean {
  const body = bytes.subarray(1, MHZ19_FRAME_BYTES);
  return body.some((byte, at) => byte === HEAD && COMMANDS.includes(body[at + 1] ?? 0));
}
