/**
 * How long a recording lasts by its own bytes: fragmented MP4 (ISO/IEC 14496-12) with one track, as ffmpeg writes it.
 *
 * Reads the boxes that say so and steps over the pictures. Whatever does not fit is no recording of ours.
 */

/** Reads up to `length` bytes from `offset`; fewer where the file ends. */
export type ReadBytes = (offset: number, length: number) => Promise<Uint8Array>;

/** What a recording holds. */
export interface Mp4Length {
  readonly frames: number;
  readonly seconds: number;
}

interface Box {
  readonly type: string;
  /** Of its content. */
  readonly begin: number;
  readonly end: number;
}

const BOXES_MAX = 100_000;
/** Of boxes that are read whole. */
const BOX_BYTES_MAX = 4_194_304;
const HAS_DEFAULT_DURATION = 0x08;
const HAS_DURATION = 0x100;

/** Adds up a file of `bytes`; `undefined` where it is torn, damaged, or something else. */
export async function mp4Length(bytes: number, read: ReadBytes): Promise<Mp4Length | undefined> {
  let track: Track | undefined;
  let frames = 0;
  let units = 0;
  for (let at = 0, boxes = 0; at < bytes; boxes++) {
    const box = boxAt(await read(at, 16), at, bytes);
    if (box === undefined || boxes === BOXES_MAX) return undefined;
    at = box.end;
    if (box.type !== "moov" && box.type !== "moof") continue;
    if (box.end - box.begin > BOX_BYTES_MAX) return undefined;
    const content = viewOf(await read(box.begin, box.end - box.begin));
    if (box.type === "moov") track = trackOf(content);
    else {
      const added = track && fragmentOf(content, track);
      if (added === undefined) return undefined;
      frames += added.frames;
      units += added.units;
    }
  }
  return track === undefined ? undefined : { frames, seconds: units / track.unitsPerSecond };
}

interface Track {
  readonly unitsPerSecond: number;
  readonly defaultDuration: number;
}

function trackOf(moov: DataView): Track | undefined {
  const header = find(moov, ["trak", "mdia", "mdhd"]);
  const version = header && moov.getUint8(header.begin);
  // The times of making and changing stand before it, of four bytes each or of eight.
  const at = header && header.begin + (version === 1 ? 20 : 12);
  if (at === undefined || at + 4 > header!.end) return undefined;
  const unitsPerSecond = moov.getUint32(at);
  const defaults = find(moov, ["mvex", "trex"]);
  const hasDefault = defaults !== undefined && defaults.begin + 16 <= defaults.end;
  const defaultDuration = hasDefault ? moov.getUint32(defaults.begin + 12) : 0;
  return unitsPerSecond === 0 ? undefined : { unitsPerSecond, defaultDuration };
}

/** Counts the frames of a fragment, and adds up how long they are shown. */
function fragmentOf(moof: DataView, track: Track): { frames: number; units: number } | undefined {
  let frames = 0;
  let units = 0;
  for (const traf of boxesIn(moof, 0, moof.byteLength).filter(({ type }) => type === "traf")) {
    const inside = boxesIn(moof, traf.begin, traf.end);
    const header = inside.find(({ type }) => type === "tfhd");
    const usual = header && usualDuration(moof, header, track);
    if (usual === undefined) return undefined;
    for (const run of inside.filter(({ type }) => type === "trun")) {
      const added = runOf(moof, run, usual);
      if (added === undefined) return undefined;
      frames += added.frames;
      units += added.units;
    }
  }
  return { frames, units };
}

/** The duration of frames that have none of their own (8.8.7). */
function usualDuration(view: DataView, { begin, end }: Box, track: Track): number | undefined {
  if (begin + 8 > end) return undefined;
  const flags = view.getUint32(begin) & 0xff_ffff;
  if ((flags & HAS_DEFAULT_DURATION) === 0) return track.defaultDuration;
  const at = begin + 8 + ((flags & 0x01) === 0 ? 0 : 8) + ((flags & 0x02) === 0 ? 0 : 4);
  return at + 4 > end ? undefined : view.getUint32(at);
}

/** A run of frames (8.8.8). */
function runOf(
  view: DataView,
  { begin, end }: Box,
  usual: number,
): { frames: number; units: number } | undefined {
  if (begin + 8 > end) return undefined;
  const flags = view.getUint32(begin) & 0xff_ffff;
  const frames = view.getUint32(begin + 4);
  const has = (flag: number): number => ((flags & flag) === 0 ? 0 : 4);
  const first = begin + 8 + has(0x01) + has(0x04);
  const size = has(HAS_DURATION) + has(0x200) + has(0x400) + has(0x800);
  if (first + frames * size > end) return undefined;
  if ((flags & HAS_DURATION) === 0) return { frames, units: frames * usual };
  let units = 0;
  for (let frame = 0; frame < frames; frame++) units += view.getUint32(first + frame * size);
  return { frames, units };
}

/** Follows a path of boxes, the first of each name. */
function find(view: DataView, path: readonly string[]): Box | undefined {
  let found: Box | undefined = { type: "", begin: 0, end: view.byteLength };
  for (const name of path) {
    const { begin, end }: Box = found;
    found = boxesIn(view, begin, end).find(({ type }) => type === name);
    if (found === undefined) return undefined;
  }
  return found;
}

function boxesIn(view: DataView, begin: number, end: number): Box[] {
  const boxes: Box[] = [];
  for (let at = begin; at < end;) {
    const head = new Uint8Array(view.buffer, view.byteOffset + at, Math.min(16, end - at));
    const box = boxAt(head, at, end);
    if (box === undefined) return boxes;
    boxes.push(box);
    at = box.end;
  }
  return boxes;
}

/** The box that begins at `at` with these bytes, and lies before `end`. */
function boxAt(head: Uint8Array, at: number, end: number): Box | undefined {
  if (head.length < 8) return undefined;
  const view = viewOf(head);
  const short = view.getUint32(0);
  const isLong = short === 1;
  if (isLong && head.length < 16) return undefined;
  const size = isLong ? view.getUint32(8) * 2 ** 32 + view.getUint32(12) : short;
  const headBytes = isLong ? 16 : 8;
  const type = String.fromCharCode(...head.subarray(4, 8));
  if (size < headBytes || at + size > end) return undefined;
  return { type, begin: at + headBytes, end: at + size };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
