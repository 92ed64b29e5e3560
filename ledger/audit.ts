/**
 * The audit of a whole log: everything made again from the entries' bytes, and held against what was published.
 *
 * Checks every entry by full admission, every hash tile and entry bundle, the checkpoint's text and the lines of the
 * signers that it knows. Stops at the first fault and names it. Trusts no stored hash.
 */

import { decodeUtf8, encodeHex, equalBytes } from "./bytes.ts";
import { openCheckpoint, parseCheckpoint } from "./checkpoint.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { Refusal } from "./errors.ts";
import type { RefusalCode } from "./errors.ts";
import { Fault } from "./fault.ts";
import type { FaultCode } from "./fault.ts";
import { decodeGenesis } from "./kinds/genesis.ts";
import type { Genesis } from "./kinds/genesis.ts";
import type { Kind } from "./kinds/kind.ts";
import { logVkeys } from "./log-keys.ts";
import type { LogSource } from "./log-source.ts";
import { formatVkey, isSameVkey, TYPE_ED25519, vkeyOf } from "./note.ts";
import type { Vkey } from "./note.ts";
import { logKeys, openByPolicy } from "./policy.ts";
import type { Policy } from "./policy.ts";
import { Replay } from "./replay.ts";
import { HASH_BYTES, sha256 } from "./sha256.ts";
import type { Hash } from "./sha256.ts";
import type { VerifyMany } from "./signature-batch.ts";
import type { Verify } from "./signature.ts";
import { decodeStatement } from "./statement.ts";
import {
  decodeEntryBundle,
  encodeEntryBundle,
  parseTilePath,
  TILE_WIDTH,
  tilePath,
  tileWidth,
} from "./tile.ts";
import type { TileFile, TileId } from "./tile.ts";

/** What an audit may find besides refused entries and faulty notes. */
export type AuditCode =
  | RefusalCode
  | FaultCode
  /** A file that the checkpoint calls for is not there. */
  | "missing-file"
  /** A tile or bundle does not hold what the entries give. */
  | "wrong-tile"
  /** The entries give another root than the checkpoint says. */
  | "wrong-root";

/** The first thing that does not hold. */
export class AuditFault {
  readonly code: AuditCode;
  readonly text: string;
  /** Index of the entry at fault, or of the first entry that the file at fault speaks of. */
  readonly index: number | undefined;
  /** The file at fault. */
  readonly path: string | undefined;

  constructor(code: AuditCode, text: string, where: { index?: number; path?: string } = {}) {
    this.code = code;
    this.text = text;
    this.index = where.index;
    this.path = where.path;
  }
}

/** What holds. */
export interface AuditReport {
  readonly origin: string;
  readonly size: number;
  readonly root: string;
  readonly height: number;
  /** The time of the newest seal. */
  readonly timeMs: number;
  /** The key that signed the checkpoint. */
  readonly vkey: string;
  /** Whether that key, or an earlier one of the same log, is one that the caller trusts. */
  readonly trusted: boolean;
  /** Cosigners of the policy whose lines on the checkpoint hold. */
  readonly cosigners: readonly string[];
  readonly entries: Readonly<Partial<Record<Kind, number>>>;
  /** Files that were read and compared. */
  readonly files: number;
}

export interface AuditParts {
  readonly source: LogSource;
  /** Whom the caller trusts; absent to find out only whether the log agrees with itself. */
  readonly policy?: Policy | undefined;
  readonly verify: Verify;
  readonly verifyMany?: VerifyMany | undefined;
  /** Called now and then with the number of entries that hold. */
  readonly onProgress?: ((entries: number, size: number) => void) | undefined;
}

/**
 * Audits a log.
 *
 * Rejects where the source cannot be read, or has no checkpoint at all: then nothing was found out.
 */
export async function auditLog(parts: AuditParts): Promise<AuditReport | AuditFault> {
  const bytes = await parts.source.read("checkpoint");
  if (bytes === undefined) throw new Error("there is no file named checkpoint: is this a log?");
  return new Audit(parts).run(bytes);
}

/** Bundles that are read and checked ahead of the one being admitted. */
const BUNDLES_AHEAD = 6;

class Audit {
  private readonly parts: AuditParts;
  private readonly replay: Replay;
  /** By the checkpoint, which may lie. */
  private size = 0;
  /** What each bundle held when it was admitted, so that none says something else when it is asked again. */
  private readonly bundleHashes: Hash[] = [];
  private readonly files = new Set<string>(["checkpoint"]);

  constructor(parts: AuditParts) {
    this.parts = parts;
    this.replay = new Replay({
      verify: parts.verify,
      verifyMany: parts.verifyMany,
      entry: (index) => this.readEntry(index),
    });
  }

  async run(note: Uint8Array): Promise<AuditReport | AuditFault> {
    const text = decodeUtf8(note);
    const checkpoint = text === undefined ? undefined : parseCheckpoint(text);
    if (text === undefined || checkpoint === undefined) {
      return new AuditFault("malformed", "the checkpoint is not UTF-8", { path: "checkpoint" });
    }
    if (checkpoint instanceof Fault) return atCheckpoint(checkpoint);
    this.size = checkpoint.size;
    const fault =
      (await this.checkEarly(text, checkpoint.size)) ??
      (await this.takeEntries(checkpoint)) ??
      this.checkRoot(checkpoint) ??
      (await this.checkLeftovers(checkpoint.size));
    return fault ?? this.checkSigners(text);
  }

  /**
   * Verifies the line of the caller's log key, or else of the key in genesis, before believing the size.
   *
   * Only so that a changed size is named as a fault of the checkpoint. A key that came later is checked at the end.
   */
  private async checkEarly(note: string, size: number): Promise<AuditFault | undefined> {
    const { policy, verify } = this.parts;
    const genesis = policy === undefined ? await this.readGenesis(size) : undefined;
    const keys = policy ? logKeys(policy) : [];
    if (genesis !== undefined) keys.push(vkeyOf(genesis.origin, TYPE_ED25519, genesis.hub));
    const opened = openCheckpoint(note, keys, verify);
    const isBroken = opened instanceof Fault && opened.code === "bad-signature";
    return isBroken ? atCheckpoint(opened) : undefined;
  }

  private async readGenesis(size: number): Promise<Genesis | undefined> {
    const width = Math.min(size, TILE_WIDTH);
    const found = size > 0 ? await this.readTile({ level: "entries", n: 0, width }) : undefined;
    const entry = found && decodeEntryBundle(found.bytes)?.[0];
    const statement = entry && decodeStatement(entry);
    if (statement === undefined || statement instanceof Refusal) return undefined;
    const genesis = decodeGenesis(statement.payload);
    return genesis instanceof Refusal ? undefined : genesis;
  }

  /** Reads bundle after bundle, a few ahead, and admits what they hold. */
  private async takeEntries({ size }: Checkpoint): Promise<AuditFault | undefined> {
    const count = Math.ceil(size / TILE_WIDTH);
    const bundle = (n: number): TileId => ({
      level: "entries",
      n,
      width: tileWidth("entries", n, size),
    });
    const ahead: ReturnType<Audit["prepareBundle"]>[] = [];
    for (let n = 0, next = 0; n < count; n++) {
      while (next < count && ahead.length < BUNDLES_AHEAD) {
        const prepared = this.prepareBundle(bundle(next++));
        prepared.catch(() => undefined);
        ahead.push(prepared);
      }
      const batch = await ahead.shift()!;
      if (batch instanceof AuditFault) return batch;
      const fault = await this.takeBundle(bundle(n), batch, size);
      if (fault !== undefined) return fault;
      this.parts.onProgress?.(this.replay.state.size, size);
    }
    return undefined;
  }

  private async prepareBundle(bundle: TileId): Promise<ReturnType<Replay["prepare"]> | AuditFault> {
    const where = { index: bundle.n * TILE_WIDTH, path: tilePath(bundle) };
    const found = await this.readTile(bundle);
    if (found === undefined) return missing(where);
    const entries = decodeEntryBundle(found.bytes);
    if (entries === undefined || !fits(entries.length, found, bundle)) {
      return new AuditFault("wrong-tile", `does not hold ${bundle.width} whole entries`, where);
    }
    const taken = entries.slice(0, bundle.width);
    this.bundleHashes[bundle.n] = hashOf(taken);
    return this.replay.prepare(taken);
  }

  private async takeBundle(
    bundle: TileId,
    batch: ReturnType<Replay["prepare"]>,
    size: number,
  ): Promise<AuditFault | undefined> {
    const tiles = await this.replay.take(batch);
    if (!Array.isArray(tiles)) {
      const { index, refusal } = tiles;
      return new AuditFault(refusal.code, refusal.text, { index, path: tilePath(bundle) });
    }
    for (const tile of tiles) {
      const isFinal = tile.width === tileWidth(tile.level, tile.n, size);
      if (tile.level === "entries" || !isFinal) continue;
      const fault = await this.compareTile(tile);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  private async compareTile(tile: TileFile): Promise<AuditFault | undefined> {
    const span = typeof tile.level === "number" ? TILE_WIDTH ** (tile.level + 1) : TILE_WIDTH;
    const where = { index: tile.n * span, path: tilePath(tile) };
    const found = await this.readTile(tile);
    if (found === undefined) return missing(where);
    return fits(found.bytes.length / HASH_BYTES, found, tile) &&
      equalBytes(found.bytes.subarray(0, tile.bytes.length), tile.bytes)
      ? undefined
      : new AuditFault("wrong-tile", "holds other hashes than the entries give", where);
  }

  private checkRoot(checkpoint: Checkpoint): AuditFault | undefined {
    const { state } = this.replay;
    const path = "checkpoint";
    if (checkpoint.origin !== state.origin && state.size > 0) {
      return new AuditFault("wrong-origin", `genesis says ${state.origin}`, { path });
    }
    if (!equalBytes(checkpoint.root, state.frontier.root())) {
      return new AuditFault("wrong-root", "the entries give another root", { path });
    }
    if (state.size === 0 || state.firstOpen !== state.size) {
      return new AuditFault("bad-block", "a checkpoint's size is the index after a seal", { path });
    }
    return undefined;
  }

  /** Compares files that the checkpoint no longer calls for, such as partial tiles of earlier sizes. */
  private async checkLeftovers(size: number): Promise<AuditFault | undefined> {
    if (this.parts.source.list === undefined) return undefined;
    for await (const path of this.parts.source.list()) {
      const tile = parseTilePath(path);
      const final = tile && tileWidth(tile.level, tile.n, size);
      if (tile === undefined || final === undefined || tile.width >= final) continue;
      const fault = await this.compareLeftover(path, { ...tile, width: final }, tile.width);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  /** The final tile was found right before, so a leftover must be its beginning. */
  private async compareLeftover(
    path: string,
    final: TileId,
    width: number,
  ): Promise<AuditFault | undefined> {
    const whole = await this.readTile(final);
    const part = await this.parts.source.read(path);
    this.files.add(path);
    if (whole === undefined || part === undefined) return missing({ path });
    let length = width * HASH_BYTES;
    if (final.level === "entries") {
      const entries = decodeEntryBundle(whole.bytes) ?? [];
      length = entries.slice(0, width).reduce((sum, entry) => sum + 2 + entry.length, 0);
    }
    return equalBytes(part, whole.bytes.subarray(0, length))
      ? undefined
      : new AuditFault("wrong-tile", "is not the beginning of the tile that followed it", { path });
  }

  private checkSigners(note: string): AuditReport | AuditFault {
    const { policy, verify } = this.parts;
    const hubKeys = logVkeys(this.replay.state);
    const live = hubKeys.at(-1)!;
    const own = openCheckpoint(note, [live], verify);
    if (own instanceof Fault) return atCheckpoint(own);
    let cosigners: readonly string[] = [];
    if (policy !== undefined) {
      const known = logKeys(policy);
      if (!hubKeys.some((key) => known.some((each) => isSameVkey(each, key)))) {
        return atCheckpoint(
          new Fault("untrusted", `no key of this log is trusted; it has ${formatVkey(live)}`),
        );
      }
      // The log's own rekeys lead from the trusted key to the live one.
      const opened = openByPolicy(
        note,
        { ...policy, logs: [{ vkey: live, url: undefined }] },
        verify,
      );
      if (opened instanceof Fault) return atCheckpoint(opened);
      cosigners = opened.cosignatures.map(({ vkey }) => vkey.name);
    }
    return this.report(live, policy !== undefined, cosigners);
  }

  private report(live: Vkey, trusted: boolean, cosigners: readonly string[]): AuditReport {
    const { state, counts } = this.replay;
    return {
      origin: state.origin,
      size: state.size,
      root: encodeHex(state.frontier.root()),
      height: state.head!.height,
      timeMs: state.head!.timeMs,
      vkey: formatVkey(live),
      trusted,
      cosigners,
      entries: Object.fromEntries(counts),
      files: this.files.size,
    };
  }

  /** Reads a tile, or the full one that has taken the place of a partial one. */
  private async readTile(tile: TileId): Promise<FoundTile | undefined> {
    const { source } = this.parts;
    this.files.add(tilePath(tile));
    const bytes = await source.read(tilePath(tile));
    if (bytes !== undefined) return { bytes, width: tile.width };
    if (tile.width === TILE_WIDTH) return undefined;
    const full = await source.read(tilePath({ ...tile, width: TILE_WIDTH }));
    return full && { bytes: full, width: TILE_WIDTH };
  }

  /** Reads an entry that was admitted before; `undefined` where the source has changed its mind. */
  private async readEntry(index: number): Promise<Uint8Array | undefined> {
    const n = Math.floor(index / TILE_WIDTH);
    const width = tileWidth("entries", n, this.size);
    const found = await this.readTile({ level: "entries", n, width });
    const entries = found && decodeEntryBundle(found.bytes)?.slice(0, width);
    const known = this.bundleHashes[n];
    if (entries === undefined || known === undefined) return undefined;
    return equalBytes(hashOf(entries), known) ? entries[index % TILE_WIDTH] : undefined;
  }
}

/** Hashes the entries of a bundle, to tell later whether they are the same. */
function hashOf(entries: readonly Uint8Array[]): Hash {
  return sha256(encodeEntryBundle(entries));
}

/** A tile's file: the one asked for, or the full one in its place. */
interface FoundTile {
  readonly bytes: Uint8Array;
  /** By the file's name. */
  readonly width: number;
}

/** Says whether a file holds as many hashes or entries as its name says, or as a full one must. */
function fits(count: number, found: FoundTile, wanted: TileId): boolean {
  return found.width === wanted.width ? count === wanted.width : count === TILE_WIDTH;
}

function atCheckpoint(fault: Fault): AuditFault {
  return new AuditFault(fault.code, fault.text, { path: "checkpoint" });
}

function missing(where: { index?: number; path: string }): AuditFault {
  return new AuditFault("missing-file", "the checkpoint calls for this file", where);
}
