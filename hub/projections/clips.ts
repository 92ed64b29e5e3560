/**
 * Clips: whose recording is this, and what did a device record when?
 *
 * Found by the recording's SHA-256, and by device in the order in which recordings end. How long a device's longest
 * recording is stands beside, so that a question about an hour reads that hour and little more.
 */

import { encodeHex } from "../../ledger/bytes.ts";
import { decodeCbor, encodeCbor } from "../../ledger/cbor.ts";
import type { CborValue } from "../../ledger/cbor.ts";
import { Refusal } from "../../ledger/errors.ts";
import { decodeClip } from "../../ledger/kinds/clip.ts";
import type { Clip } from "../../ledger/kinds/clip.ts";
import type { Cursor, IndexDb, Shelf, TableKey } from "../index-db.ts";
import type { ProjectedEntry } from "./entry-feed.ts";
import { cursorAfter } from "./projection.ts";
import type { Projection } from "./projection.ts";

const VERSION = 1;
/** Clips looked at for one answer. */
const LOOKED_AT_MAX = 2_000;

/** A clip and the entry that proves it. */
export interface FoundClip {
  readonly device: string;
  readonly stream: string;
  readonly camera: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** In hex. */
  readonly sha256: string;
  readonly bytes: number;
  readonly type: string;
  readonly entry: number;
}

/** Where a list of a device's clips goes on. */
export interface ClipPlace {
  readonly toMs: number;
  readonly entry: number;
}

/** What is asked for: clips that end after `fromMs` and begin before `toMs`. */
export interface ClipQuery {
  readonly device: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** Goes on behind this one. */
  readonly after?: ClipPlace | undefined;
  readonly limit: number;
}

/** An answer, in the order in which recordings end. */
export interface ClipPage {
  readonly clips: readonly FoundClip[];
  /** Where to go on; absent where there is no more. May come with no clips at all. */
  readonly next: ClipPlace | undefined;
}

/** See the head of the file. */
export class Clips implements Projection {
  readonly name: string = "clips";
  readonly #shelf: Shelf;

  private constructor(shelf: Shelf) {
    this.#shelf = shelf;
  }

  /** Opens the table. */
  static async open(db: IndexDb): Promise<Clips> {
    return new Clips(await db.shelf("clips", VERSION));
  }

  get cursor(): Cursor {
    return this.#shelf.cursor;
  }

  async take(entries: readonly ProjectedEntry[]): Promise<void> {
    const longestMs = new Map<string, number>();
    await this.#shelf.commit(cursorAfter(entries), () => {
      for (const entry of entries) this.#put(entry, longestMs);
      for (const [device, ms] of longestMs) {
        this.#shelf.table.put(["longest", device], encodeCbor(ms));
      }
    });
  }

  reset(): Promise<void> {
    return this.#shelf.clear();
  }

  /** The clip of a recording, by its SHA-256 in hex: of several the first, which bounds its time best. */
  byHash(sha256: string): FoundClip | undefined {
    const end = ["hash", sha256, Number.MAX_SAFE_INTEGER];
    const [found] = [...this.#shelf.table.range(["hash", sha256], end, 1)];
    return found && decodeFound(found.value, found.key[2] as number);
  }

  /** Answers a query from what was taken so far. */
  query({ device, fromMs, toMs, after, limit }: ClipQuery): ClipPage {
    const start = [
      "time",
      device,
      after?.toMs ?? fromMs,
      after === undefined ? 0 : after.entry + 1,
    ];
    const lastMs = Math.min(toMs + this.#longestMs(device), Number.MAX_SAFE_INTEGER - 1);
    const end = ["time", device, lastMs + 1];
    const clips: FoundClip[] = [];
    // One more than may be looked at tells whether there is more.
    const records = [...this.#shelf.table.range(start, end, LOOKED_AT_MAX + 1)];
    let last: TableKey | undefined;
    for (const { key, value } of records.slice(0, LOOKED_AT_MAX)) {
      const clip = decodeFound(value, key[3] as number);
      if (clip.toMs > fromMs && clip.fromMs < toMs) {
        if (clips.length === limit) return { clips, next: placeOf(last!) };
        clips.push(clip);
      }
      last = key;
    }
    return { clips, next: records.length > LOOKED_AT_MAX ? placeOf(last!) : undefined };
  }

  #put({ index, statement }: ProjectedEntry, longestMs: Map<string, number>): void {
    if (statement.kind !== "clip") return;
    const clip = decodeClip(statement.payload);
    if (clip instanceof Refusal) throw new Error(`entry ${index} of the log: ${clip.text}`);
    const { issuer: device, stream } = statement;
    const bytes = encodeFound(clip, device, stream);
    this.#shelf.table.put(["hash", encodeHex(clip.sha256), index], bytes);
    this.#shelf.table.put(["time", device, clip.toMs, index], bytes);
    const longest = longestMs.get(device) ?? this.#longestMs(device);
    if (clip.toMs - clip.fromMs > longest) longestMs.set(device, clip.toMs - clip.fromMs);
  }

  #longestMs(device: string): number {
    const bytes = this.#shelf.table.get(["longest", device]);
    return bytes === undefined ? 0 : (decodeCbor(bytes) as number);
  }
}

function placeOf(key: TableKey): ClipPlace {
  return { toMs: key[2] as number, entry: key[3] as number };
}

function encodeFound(clip: Clip, device: string, stream: string): Uint8Array {
  const { camera, fromMs, toMs, sha256, bytes, type } = clip;
  return encodeCbor([device, stream, camera, fromMs, toMs, encodeHex(sha256), bytes, type]);
}

function decodeFound(value: Uint8Array, entry: number): FoundClip {
  const [device, stream, camera, fromMs, toMs, sha256, bytes, type] = decodeCbor(
    value,
  ) as CborValue[];
  return {
    device: device as string,
    stream: stream as string,
    camera: camera as string,
    fromMs: fromMs as number,
    toMs: toMs as number,
    sha256: sha256 as string,
    bytes: bytes as number,
    type: type as string,
    entry,
  };
}
