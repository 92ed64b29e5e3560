/**
 * The staging file: all tiles of one sealing in one file, durable before the commit (docs/architecture.md).
 *
 * Header `version || from || to || root`, then `path length || path || length || bytes` for each tile, then a path length
 * of zero and the CRC-32 of all before. Written and read piece by piece, so that a large block needs little memory.
 * The tiles are written into the log from here, by the same code in normal work and after a crash.
 */

import { crc32 } from "node:zlib";
import { concatBytes, decodeUtf8, encodeUtf8, equalBytes } from "../../ledger/bytes.ts";
import { HASH_BYTES } from "../../ledger/sha256.ts";
import type { Hash } from "../../ledger/sha256.ts";
import { tilePath } from "../../ledger/tile.ts";
import type { TileFile } from "../../ledger/tile.ts";
import type { AppendFile, Files } from "../../platform/files.ts";
import { getInteger, INDEX_BYTES, putInteger } from "./integers.ts";

/** The growth of the log that a staging file belongs to. */
export interface Growth {
  readonly from: number;
  readonly to: number;
  /** The root at size `to`. */
  readonly root: Hash;
}

const STAGING_VERSION = 1;
const HEADER_BYTES = 1 + 2 * INDEX_BYTES + HASH_BYTES;
const CHECKSUM_BYTES = 4;
const READ_BYTES = 1_048_576;
/** Tiles written at the same time: a disk syncs several files hardly slower than one. */
const WRITERS = 8;

/** Takes a tile to its place. Writing the same tile twice must be harmless. */
export type TileSink = (path: string, bytes: Uint8Array) => Promise<void>;

/** A staging file that is open: being written, or complete. */
export class Staging {
  readonly #file: AppendFile;
  #checksum = 0;

  private constructor(file: AppendFile) {
    this.#file = file;
  }

  /** Begins a new one in place of whatever an abandoned sealing has left. */
  static async begin(files: Files, path: string, growth: Growth): Promise<Staging> {
    const file = await files.open(path);
    await file.truncate(0);
    const staging = new Staging(file);
    await staging.#append(encodeHeader(growth));
    return staging;
  }

  /** Opens one that a crash has left; `undefined` unless it is whole and belongs to `growth`. */
  static async recover(
    files: Files,
    path: string,
    growth: Pick<Growth, "to" | "root">,
  ): Promise<Staging | undefined> {
    if (!(await files.exists(path))) return undefined;
    const staging = new Staging(await files.open(path));
    if ((await staging.#isWhole()) && (await staging.#belongsTo(growth))) return staging;
    await staging.close();
    return undefined;
  }

  /** Appends tiles. Not durable before `finish`. */
  async add(tiles: readonly TileFile[]): Promise<void> {
    const parts: Uint8Array[] = [];
    for (const tile of tiles) {
      const path = encodeUtf8(tilePath(tile));
      const head = new Uint8Array(1 + path.length + 4);
      head[0] = path.length;
      head.set(path, 1);
      putInteger(head, 1 + path.length, 4, tile.bytes.length);
      parts.push(head, tile.bytes);
    }
    if (parts.length > 0) await this.#append(concatBytes(...parts));
  }

  /** Completes the file and makes it durable. A crash before leaves a file that no start will use. */
  async finish(): Promise<void> {
    await this.#append(Uint8Array.of(0));
    const checksum = new Uint8Array(CHECKSUM_BYTES);
    putInteger(checksum, 0, CHECKSUM_BYTES, this.#checksum);
    await this.#file.append(checksum);
    await this.#file.sync();
  }

  /** Hands every tile to `sink`, several at a time. */
  async copyTiles(sink: TileSink): Promise<void> {
    let batch: { path: string; bytes: Uint8Array }[] = [];
    for await (const tile of this.#tiles()) {
      batch.push(tile);
      if (batch.length < WRITERS) continue;
      await Promise.all(batch.map(({ path, bytes }) => sink(path, bytes)));
      batch = [];
    }
    await Promise.all(batch.map(({ path, bytes }) => sink(path, bytes)));
  }

  /** Closes the file and leaves it where it is. */
  close(): Promise<void> {
    return this.#file.close();
  }

  async #append(bytes: Uint8Array): Promise<void> {
    this.#checksum = crc32(bytes, this.#checksum);
    await this.#file.append(bytes);
  }

  async *#tiles(): AsyncGenerator<{ path: string; bytes: Uint8Array }> {
    const end = this.#file.size - CHECKSUM_BYTES - 1;
    for (let at = HEADER_BYTES; at < end;) {
      const head = await this.#file.read(at, 1 + 255 + 4);
      const pathLength = head[0]!;
      const path = decodeUtf8(head.subarray(1, 1 + pathLength));
      const length = getInteger(head, 1 + pathLength, 4);
      at += 1 + pathLength + 4;
      if (path === undefined)
        throw new Error("a staging file with a good checksum and bad content");
      yield { path, bytes: await this.#file.read(at, length) };
      at += length;
    }
  }

  async #isWhole(): Promise<boolean> {
    const end = this.#file.size - CHECKSUM_BYTES;
    if (end <= HEADER_BYTES) return false;
    let sum = 0;
    for (let at = 0; at < end; at += READ_BYTES) {
      sum = crc32(await this.#file.read(at, Math.min(READ_BYTES, end - at)), sum);
    }
    return getInteger(await this.#file.read(end, CHECKSUM_BYTES), 0, CHECKSUM_BYTES) === sum;
  }

  async #belongsTo(growth: Pick<Growth, "to" | "root">): Promise<boolean> {
    const header = await this.#file.read(0, HEADER_BYTES);
    return (
      header[0] === STAGING_VERSION &&
      getInteger(header, 1 + INDEX_BYTES, INDEX_BYTES) === growth.to &&
      equalBytes(header.subarray(1 + 2 * INDEX_BYTES), growth.root)
    );
  }
}

function encodeHeader(growth: Growth): Uint8Array {
  const header = new Uint8Array(HEADER_BYTES);
  header[0] = STAGING_VERSION;
  putInteger(header, 1, INDEX_BYTES, growth.from);
  putInteger(header, 1 + INDEX_BYTES, INDEX_BYTES, growth.to);
  header.set(growth.root, 1 + 2 * INDEX_BYTES);
  return header;
}
