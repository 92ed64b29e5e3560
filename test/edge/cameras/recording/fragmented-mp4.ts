/** Fragmented MP4 with nothing to see in it, but with the lengths that it is asked for. */

import { concatBytes, encodeUtf8 } from "../../../../ledger/bytes.ts";

export function box(type: string, ...content: Uint8Array[]): Uint8Array {
  const inside = concatBytes(...content);
  return concatBytes(u32(inside.length + 8), encodeUtf8(type), inside);
}

export function u32(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  for (const [at, value] of values.entries()) view.setUint32(4 * at, value);
  return bytes;
}

const RATE = 90_000;

/** The head of a file: with 0 as the default duration of frames, unless given. */
export function head(defaultDuration = 0): Uint8Array {
  const mdhd = box("mdhd", u32(0, 0, 0, RATE, 0, 0));
  const trak = box("trak", box("tkhd", u32(0)), box("mdia", mdhd));
  const mvex = box("mvex", box("trex", u32(0, 1, 1, defaultDuration, 0, 0)));
  return concatBytes(box("ftyp", encodeUtf8("iso5")), box("moov", box("mvhd", u32(0)), trak, mvex));
}

/** A fragment whose frames last so many seconds each. */
export function fragment(...seconds: number[]): Uint8Array {
  const frames = seconds.flatMap((each) => [Math.round(each * RATE), 10]);
  const trun = box("trun", u32(0x301, seconds.length, 0, ...frames));
  const traf = box("traf", box("tfhd", u32(0x20000, 1)), box("tfdt", u32(0, 0)), trun);
  return concatBytes(
    box("moof", box("mfhd", u32(0, 1)), traf),
    box("mdat", new Uint8Array(10 * seconds.length)),
  );
}

/** A whole recording of so many seconds, a frame a tenth; at least `bytesMin` long. */
export function recording(seconds: number, bytesMin = 0): Uint8Array {
  const frames = Array.from({ length: Math.round(seconds * 10) }, () => 0.1);
  const bytes = concatBytes(head(), fragment(...frames));
  const missing = bytesMin - bytes.length;
  return missing < 8 ? bytes : concatBytes(bytes, box("free", new Uint8Array(missing - 8)));
}
