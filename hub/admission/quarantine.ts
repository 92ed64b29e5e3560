/**
 * What the hub has refused, kept on disk for whoever wants to know why (docs/formats.md, section 10).
 *
 * The rule at its bounds: segments of one mebibyte, and when there is one too many, the oldest goes with all that is
 * in it. Of a device whose messages already fill their share only the fingerprints are kept, so that one noisy device
 * does not push the others out. The same message refused for the same reason is kept once, as far back as the newest
 * items go. Nothing in here is trusted, and nothing in here changes the log.
 */

import { concatBytes, encodeHex } from "../../ledger/bytes.ts";
import { decodeCbor, encodeCbor } from "../../ledger/cbor.ts";
import type { RefusalCode } from "../../ledger/errors.ts";
import { Refusal, REFUSAL_CODES } from "../../ledger/errors.ts";
import { sha256 } from "../../ledger/sha256.ts";
import type { AppendFile, Files } from "../../platform/files.ts";

/** A refused message, as the pipeline hands it over. */
export interface RefusedMessage {
  readonly receivedMs: number;
  readonly device: string | undefined;
  /** 16 hex digits, where it could be read. */
  readonly kid: string | undefined;
  readonly seq: number | undefined;
  /** SHA-256 of the statement, or of the whole message where no statement was found. */
  readonly hash: Uint8Array;
  readonly code: RefusalCode;
  readonly text: string;
  readonly bytes: Uint8Array;
}

/** A kept refusal, without its bytes. */
export interface QuarantineItem extends Omit<RefusedMessage, "bytes" | "hash"> {
  /** `<segment>-<offset>`: where it lies. */
  readonly id: string;
  /** Hex. */
  readonly hash: string;
}

/** Bounds in bytes and numbers. */
export interface QuarantineLimits {
  readonly segmentBytes: number;
  readonly segmentsMax: number;
  /** What one device's messages may take of all segments together. */
  readonly deviceBytesMax: number;
  /** Items held in memory: for lists, and to know repeats. */
  readonly itemsMax: number;
}

export const QUARANTINE_LIMITS: QuarantineLimits = {
  segmentBytes: 1_048_576,
  segmentsMax: 16,
  deviceBytesMax: 2_097_152,
  itemsMax: 1000,
};

const VERSION = 1;
const HEAD_BYTES = 8;
const CHECK_BYTES = 4;

interface Segment {
  readonly number: number;
  readonly deviceBytes: Map<string, number>;
  items: number;
}

/** The quarantine of one hub. */
export class Quarantine {
  readonly #files: Files;
  readonly #folder: string;
  readonly #limits: QuarantineLimits;
  readonly #segments: Segment[] = [];
  /** Newest last, by `hash code`. */
  readonly #recent = new Map<string, QuarantineItem>();
  readonly #listeners = new Set<(item: QuarantineItem) => void>();
  #file: AppendFile | undefined;
  #openNumber = 0;
  /** Where the next record goes, counting those that wait in `#pending`. */
  #end = 0;
  #pending: { segment: Segment; record: Uint8Array; item: QuarantineItem }[] = [];
  #flushing: Promise<void> | undefined;
  #nextFlush: Promise<void> | undefined;

  private constructor(files: Files, folder: string, limits: QuarantineLimits) {
    this.#files = files;
    this.#folder = folder;
    this.#limits = limits;
  }

  /** Opens the folder and reads what is kept there. A record that a crash has cut off is dropped. */
  static async open(
    files: Files,
    folder: string,
    limits: QuarantineLimits = QUARANTINE_LIMITS,
  ): Promise<Quarantine> {
    const quarantine = new Quarantine(files, folder, limits);
    await files.makeFolder(folder);
    for (const name of await files.list(folder)) {
      if (/^\d{8}\.log$/.test(name)) await quarantine.#load(Number(name.slice(0, 8)));
    }
    await quarantine.#openLast();
    return quarantine;
  }

  /** Items on disk. */
  get total(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.items, 0);
  }

  /** The newest items, newest first. */
  newest(limit: number): QuarantineItem[] {
    const count = Math.min(limit, this.#recent.size);
    return count <= 0 ? [] : [...this.#recent.values()].slice(-count).reverse();
  }

  /** The bytes of an item; `undefined` where it is gone, or only its fingerprint was kept. */
  async bytesOf(id: string): Promise<Uint8Array | undefined> {
    const [segment, offset] = id.split("-").map(Number);
    const path = this.#path(segment ?? 0);
    const head = await this.#files.readRange(path, offset ?? 0, HEAD_BYTES);
    if (head?.length !== HEAD_BYTES) return undefined;
    const length = HEAD_BYTES + recordLength(head);
    const record = await this.#files.readRange(path, offset ?? 0, length);
    return record === undefined ? undefined : decodeRecord(record)?.bytes;
  }

  /** Calls `listener` for each new item once it is on disk; gives the function that ends it. */
  onRefused(listener: (item: QuarantineItem) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Takes a refused message in; on disk after `durable`. */
  put(message: RefusedMessage): void {
    const hash = encodeHex(message.hash);
    const key = `${hash} ${message.code}`;
    if (this.#recent.has(key)) return;
    if (this.#end >= this.#limits.segmentBytes) this.#beginSegment();
    const segment = this.#segments.at(-1)!;
    const record = encodeRecord(message, !this.#isOverShare(message));
    const { bytes: _bytes, ...facts } = message;
    const item: QuarantineItem = { ...facts, hash, id: `${segment.number}-${this.#end}` };
    this.#end += record.length;
    this.#count(segment, item, record.length);
    this.#pending.push({ segment, record, item });
  }

  /** Resolves when all that was put before the call is synced. A rejection means: stop, do not guess. */
  durable(): Promise<void> {
    if (this.#pending.length === 0) return this.#nextFlush ?? this.#flushing ?? Promise.resolve();
    this.#nextFlush ??= (this.#flushing ?? Promise.resolve()).then(() => {
      this.#nextFlush = undefined;
      this.#flushing = this.#flush().then(() => {
        this.#flushing = undefined;
      });
      return this.#flushing;
    });
    return this.#nextFlush;
  }

  /** Writes what waits, and closes. */
  async close(): Promise<void> {
    await this.durable();
    await this.#file?.close();
  }

  #path(segment: number): string {
    return `${this.#folder}/${String(segment).padStart(8, "0")}.log`;
  }

  #isOverShare(message: RefusedMessage): boolean {
    const device = message.device ?? "";
    const bytes = this.#segments.reduce((sum, s) => sum + (s.deviceBytes.get(device) ?? 0), 0);
    return bytes + message.bytes.length > this.#limits.deviceBytesMax;
  }

  #beginSegment(): void {
    const number = (this.#segments.at(-1)?.number ?? 0) + 1;
    this.#segments.push({ number, deviceBytes: new Map(), items: 0 });
    this.#end = 1;
  }

  #count(segment: Segment, item: QuarantineItem, bytes: number): void {
    const device = item.device ?? "";
    segment.items += 1;
    segment.deviceBytes.set(device, (segment.deviceBytes.get(device) ?? 0) + bytes);
    this.#recent.set(`${item.hash} ${item.code}`, item);
    if (this.#recent.size > this.#limits.itemsMax) {
      this.#recent.delete(this.#recent.keys().next().value!);
    }
  }

  async #flush(): Promise<void> {
    const pending = this.#pending;
    this.#pending = [];
    for (const segment of new Set(pending.map((put) => put.segment))) {
      const records = pending.filter((put) => put.segment === segment).map((put) => put.record);
      const file = await this.#fileOf(segment);
      await file.append(concatBytes(...records));
      await file.sync();
    }
    await this.#dropOldest();
    for (const { item } of pending) for (const listener of this.#listeners) listener(item);
  }

  async #fileOf(segment: Segment): Promise<AppendFile> {
    if (this.#file === undefined || this.#openNumber !== segment.number) {
      await this.#file?.close();
      this.#file = await this.#files.open(this.#path(segment.number));
      this.#openNumber = segment.number;
    }
    if (this.#file.size === 0) await this.#file.append(Uint8Array.of(VERSION));
    return this.#file;
  }

  async #dropOldest(): Promise<void> {
    while (this.#segments.length > this.#limits.segmentsMax) {
      await this.#files.remove(this.#path(this.#segments.shift()!.number));
    }
  }

  async #load(number: number): Promise<void> {
    const bytes = (await this.#files.read(this.#path(number))) ?? new Uint8Array(0);
    const segment: Segment = { number, deviceBytes: new Map(), items: 0 };
    this.#segments.push(segment);
    let at = bytes[0] === VERSION ? 1 : 0;
    while (at > 0 && at < bytes.length) {
      const message = decodeRecord(bytes.subarray(at));
      if (message === undefined) break;
      const { bytes: _bytes, length, hash, ...facts } = message;
      this.#count(segment, { ...facts, hash: encodeHex(hash), id: `${number}-${at}` }, length);
      at += length;
    }
    this.#end = at;
  }

  /** Cuts off what a crash has left half-written at the end of the newest segment. */
  async #openLast(): Promise<void> {
    const last = this.#segments.at(-1);
    if (last === undefined) {
      this.#beginSegment();
      return;
    }
    const file = await this.#files.open(this.#path(last.number));
    if (file.size > this.#end) await file.truncate(this.#end);
    await file.close();
    this.#end = Math.max(this.#end, 1);
  }
}

/** Length and check of the body, then the body: `[receivedMs, device, kid, seq, hash, code, text, bytes]`. */
function encodeRecord(message: RefusedMessage, withBytes: boolean): Uint8Array {
  const { receivedMs, device = null, kid = null, seq = null, hash, code, text } = message;
  const bytes = withBytes ? message.bytes : null;
  const body = encodeCbor([receivedMs, device, kid, seq, hash, code, text, bytes]);
  const record = new Uint8Array(HEAD_BYTES + body.length);
  new DataView(record.buffer).setUint32(0, body.length);
  record.set(sha256(body).subarray(0, CHECK_BYTES), CHECK_BYTES);
  record.set(body, HEAD_BYTES);
  return record;
}

function recordLength(head: Uint8Array): number {
  return new DataView(head.buffer, head.byteOffset).getUint32(0);
}

type KeptMessage = Omit<RefusedMessage, "bytes"> & {
  readonly bytes: Uint8Array | undefined;
  readonly length: number;
};

/** Reads the record at the start of `bytes`; `undefined` where it is cut off or damaged. */
function decodeRecord(bytes: Uint8Array): KeptMessage | undefined {
  if (bytes.length < HEAD_BYTES) return undefined;
  const length = HEAD_BYTES + recordLength(bytes);
  if (length > bytes.length) return undefined;
  const body = bytes.subarray(HEAD_BYTES, length);
  const check = sha256(body).subarray(0, CHECK_BYTES);
  if (check.some((byte, i) => byte !== bytes[CHECK_BYTES + i])) return undefined;
  const fields = decodeCbor(body);
  if (fields instanceof Refusal || !Array.isArray(fields)) return undefined;
  const [receivedMs, device, kid, seq, hash, code, text, content] = fields as unknown[];
  return {
    receivedMs: receivedMs as number,
    device: (device as string | null) ?? undefined,
    kid: (kid as string | null) ?? undefined,
    seq: (seq as number | null) ?? undefined,
    hash: (hash as Uint8Array).slice(),
    code: REFUSAL_CODES.find((known) => known === code) ?? "malformed",
    text: text as string,
    bytes: (content as Uint8Array | null)?.slice(),
    length,
  };
}
