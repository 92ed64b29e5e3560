/**
 * Transport packets made by hand (ISO/IEC 13818-1, 2.4.3), as small as they can be: tables, pictures, sound.
 *
 * What the video says is filler that names its camera; for streams that a decoder takes there is ffmpeg.
 */

import { joinBytes } from "../../ledger/bytes.ts";

export const PACKET_BYTES = 188;
export const VIDEO_PID = 256;
const MAP_PID = 4096;
const SOUND_PID = 257;

/** One packet; what `payload` leaves free is filled with `filler`. */
export function packet(
  pid: number,
  payload: readonly number[],
  { isStart = false, filler = 0xff }: { isStart?: boolean; filler?: number } = {},
): Uint8Array {
  const bytes = new Uint8Array(PACKET_BYTES).fill(filler);
  bytes.set([0x47, (isStart ? 0x40 : 0) | (pid >> 8), pid & 0xff, 0x10]);
  bytes.set(payload, 4);
  return bytes;
}

/** The association table, which names one program and where its map is. */
export function associationTable(mapPid: number = MAP_PID): Uint8Array {
  const section = [0, 0, 0xb0, 13, 0, 1, 0xc1, 0, 0];
  return packet(0, [...section, 0, 1, 0xe0 | (mapPid >> 8), mapPid & 0xff, 0, 0, 0, 0], {
    isStart: true,
  });
}

/** The map of that program; only where it stands is looked at. */
export function programMap(): Uint8Array {
  return packet(MAP_PID, [0, 2, 0xb0, 18], { isStart: true });
}

const SEQUENCE_HEADER = [0, 0, 1, 0xb3];
const PICTURE_HEADER = [0, 0, 1, 0];

/** One picture of so many packets, filled with `tag`; a key picture begins with a sequence header. */
export function picture(
  { isKey, packets = 2, pid = VIDEO_PID }: { isKey: boolean; packets?: number; pid?: number },
  tag = 0xaa,
): Uint8Array {
  const pes = [0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 5, 0x21, 0, 1, 0, 1];
  const header = isKey ? SEQUENCE_HEADER : PICTURE_HEADER;
  const first = packet(pid, [...pes, ...header], { isStart: true, filler: tag });
  const rest = Array.from({ length: packets - 1 }, () => packet(pid, [], { filler: tag }));
  return joinBytes([first, ...rest]);
}

/** The beginning of a packet of sound. */
export function sound(): Uint8Array {
  return packet(SOUND_PID, [0, 0, 1, 0xc0, 0, 8, 0x80, 0, 0], { isStart: true });
}

/** Tables and a key picture: with this a stream can begin. */
export function opening(tag?: number): Uint8Array {
  return joinBytes([associationTable(), programMap(), picture({ isKey: true }, tag)]);
}
