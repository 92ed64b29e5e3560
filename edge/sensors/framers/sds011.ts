/**
 * Frames of the Nova SDS011 particle sensor, after its maker's Laser Dust Sensor Control Protocol V1.3.
 *
 * Everything that the sensor sends has ten bytes: AA, C0 or C5, six of data, their sum modulo 256, AB.
 */

import type { Framer } from "./framer.ts";
import { RollingFramer, type Verdict } from "./rolling-framer.ts";

/** A measurement, or the answer to a command. `sensorId` is as printed on the board, big-endian. */
export type Sds011Frame =
  | {
      readonly kind: "measurement";
      /** ug/m3, in tenths. */
      readonly pm25: number;
      readonly pm10: number;
      readonly sensorId: number;
    }
  | {
      readonly kind: "answer";
      /** Which command is answered: 2 report mode, 5 id, 6 work, 7 firmware, 8 period. */
      readonly command: number;
      /** For settings: whether it was set (1) or asked for (0), its value, and zero. */
      readonly data: readonly [number, number, number];
      readonly sensorId: number;
    };

const HEAD = 0xaa;
const MEASUREMENT = 0xc0;
const ANSWER = 0xc5;
const TAIL = 0xab;
const FRAME_BYTES = 10;

/** Makes a framer of SDS011 frames. */
export function sds011Framer(): Framer<Sds011Frame> {
  return new RollingFramer({ bytesMax: FRAME_BYTES, examine });
}

function examine(bytes: Uint8Array): Verdict<Sds011Frame> {
  const head = bytes.indexOf(HEAD);
  if (head !== 0) return { kind: "noise", length: head < 0 ? bytes.length : head };
  const type = bytes[1];
  if (type === undefined) return { kind: "incomplete" };
  if (type !== MEASUREMENT && type !== ANSWER) return { kind: "noise", length: 1 };
  if (bytes.length < FRAME_BYTES) return { kind: "incomplete" };
  if (bytes[8] !== checksum(bytes) || bytes[9] !== TAIL) return { kind: "broken" };
  return { kind: "frame", length: FRAME_BYTES, frame: decode(bytes) };
}

function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (const byte of bytes.subarray(2, 8)) sum += byte;
  return sum & 0xff;
}

function decode(bytes: Uint8Array): Sds011Frame {
  const view = new DataView(bytes.buffer, bytes.byteOffset, FRAME_BYTES);
  const sensorId = view.getUint16(6);
  if (bytes[1] === ANSWER) {
    const data = [view.getUint8(3), view.getUint8(4), view.getUint8(5)] as const;
    return { kind: "answer", command: view.getUint8(2), data, sensorId };
  }
  const pm25 = view.getUint16(2, true) / 10;
  const pm10 = view.getUint16(4, true) / 10;
  return { kind: "measurement", pm25, pm10, sensorId };
}
