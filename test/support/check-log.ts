/**
 * The whole of a log folder, checked from its bytes: what an auditor would do, written as plainly as it can be.
 *
 * Knows nothing of the store that wrote the folder, only where the files lie by name.
 */
import { admit } from "../../ledger/admission.ts";
import { compareBytes } from "../../ledger/bytes.ts";
import { openCheckpoint } from "../../ledger/checkpoint.ts";
import { Refusal } from "../../ledger/errors.ts";
import { Fault } from "../../ledger/fault.ts";
import { LogState } from "../../ledger/log-state.ts";
import { leafHash, MerkleFrontier } from "../../ledger/merkle.ts";
import { TYPE_ED25519, vkeyOf } from "../../ledger/note.ts";
import type { Hash } from "../../ledger/sha256.ts";
import type { Verify } from "../../ledger/signature.ts";
import { decodeEntryBundle, TILE_WIDTH, tilePath, tilesAdded } from "../../ledger/tile.ts";
import type { TileId } from "../../ledger/tile.ts";

/** Reads a file of the log by its name relative to the log's folder. */
export type ReadLogFile = (path: string) => Promise<Uint8Array | undefined>;

/** A log that holds. */
export interface CheckedLog {
  readonly state: LogState;
  readonly entries: readonly Uint8Array[];
  readonly note: string;
}

/** Checks signatures, chains, seals, every tile and the checkpoint in the file `checkpoint`. Throws at the first fault. */
export async function checkLog(
  read: ReadLogFile,
  verify: Verify,
  checkpoint = "checkpoint",
): Promise<CheckedLog> {
  const note = new TextDecoder().decode(await needed(read, checkpoint));
  const size = Number(note.split("\n")[1]);
  const entries = await readEntries(read, size);
  const state = new LogState();
  for (const [index, entry] of entries.entries()) {
    const admission = admit(state, entry, { verify, entry: (at) => entries[at] });
    if (admission instanceof Refusal) {
      throw new Error(`entry ${index}: ${admission.code}: ${admission.text}`);
    }
  }
  if (state.head?.index !== size - 1) throw new Error(`no seal ends at size ${size}`);
  const vkey = vkeyOf(state.origin, TYPE_ED25519, state.hub!.publicKey);
  const opened = openCheckpoint(note, [vkey], verify);
  if (opened instanceof Fault) throw new Error(`checkpoint: ${opened.code}: ${opened.text}`);
  same(opened.root, state.frontier.root(), "the root of the checkpoint");
  await checkHashTiles(read, entries);
  return { state, entries, note };
}

async function readEntries(read: ReadLogFile, size: number): Promise<Uint8Array[]> {
  const entries: Uint8Array[] = [];
  for (const tile of tilesAdded(0, size)) {
    if (tile.level !== "entries") continue;
    const bundle = decodeEntryBundle(await readTile(read, tile));
    if (bundle === undefined || bundle.length < tile.width) throw new Error(`${tilePath(tile)}`);
    entries.push(...bundle.slice(0, tile.width));
  }
  return entries;
}

async function checkHashTiles(read: ReadLogFile, entries: readonly Uint8Array[]): Promise<void> {
  let hashes = entries.map(leafHash);
  for (let level = 0; hashes.length > 0; level++) {
    for (const tile of tilesAdded(0, entries.length)) {
      if (tile.level !== level) continue;
      const first = tile.n * TILE_WIDTH;
      const expected = hashes.slice(first, first + tile.width);
      const bytes = await readTile(read, tile);
      for (const [i, hash] of expected.entries()) {
        same(bytes.subarray(32 * i, 32 * (i + 1)), hash, `${tilePath(tile)}, hash ${i}`);
      }
    }
    hashes = rootsOfFullTiles(hashes);
  }
}

function rootsOfFullTiles(hashes: readonly Hash[]): Hash[] {
  const roots: Hash[] = [];
  for (let at = 0; at + TILE_WIDTH <= hashes.length; at += TILE_WIDTH) {
    const frontier = new MerkleFrontier();
    for (const hash of hashes.slice(at, at + TILE_WIDTH)) frontier.push(hash);
    roots.push(frontier.root());
  }
  return roots;
}

/** A partial tile may have made room for the full one. */
async function readTile(read: ReadLogFile, tile: TileId): Promise<Uint8Array> {
  return (await read(tilePath(tile))) ?? needed(read, tilePath({ ...tile, width: TILE_WIDTH }));
}

async function needed(read: ReadLogFile, path: string): Promise<Uint8Array> {
  const bytes = await read(path);
  if (bytes === undefined) throw new Error(`${path} is missing`);
  return bytes;
}

function same(found: Uint8Array, expected: Uint8Array, what: string): void {
  if (compareBytes(found, expected) !== 0) throw new Error(`${what} is another one`);
}
