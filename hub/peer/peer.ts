/**
 * A peer: follows a log, checks all of it, countersigns what holds and keeps proof of what does not.
 *
 * One round reads the newest checkpoint, brings the copy up to it and cosigns. Nothing the hub says is believed: the
 * root comes from the entries, the hub's key from genesis and rekeys. See docs/formats.md, section 8.
 */

import { encodeBase64, encodeHex, encodeUtf8, decodeUtf8, equalBytes } from "../../ledger/bytes.ts";
import { openCheckpoint, parseCheckpoint } from "../../ledger/checkpoint.ts";
import type { Checkpoint, OpenedCheckpoint } from "../../ledger/checkpoint.ts";
import { cosign } from "../../ledger/cosignature.ts";
import { Fault } from "../../ledger/fault.ts";
import { CLOCK_AHEAD_SECONDS_MAX } from "../../ledger/limits.ts";
import { logVkeyAt, logVkeys } from "../../ledger/log-keys.ts";
import type { LogSource } from "../../ledger/log-source.ts";
import type { LogState } from "../../ledger/log-state.ts";
import { MerkleFrontier } from "../../ledger/merkle.ts";
import {
  formatNote,
  formatSignatureLine,
  formatVkey,
  isSameVkey,
  isSignedAs,
  parseNote,
  TYPE_COSIGNATURE,
  vkeyOf,
} from "../../ledger/note.ts";
import type { Vkey } from "../../ledger/note.ts";
import type { ReplayRefusal } from "../../ledger/replay.ts";
import type { Signer, Verify } from "../../ledger/signature.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Files } from "../../platform/files.ts";
import type { Logger } from "../../platform/log.ts";
import type { ForkStore, Misbehaviour } from "./fork-store.ts";
import type { Mirror, MirrorStop } from "./mirror.ts";

/** Where cosignatures go: the hub's `POST /cosignatures`. */
export interface CosignatureSink {
  /** Hands over a note with the peer's line. Gives the status; rejects where no answer came. */
  send(note: string): Promise<{ readonly status: number; readonly text: string }>;
}

/** What a peer is made of. */
export interface PeerParts {
  readonly source: LogSource;
  readonly sink: CosignatureSink;
  readonly mirror: Mirror;
  readonly forks: ForkStore;
  readonly files: Files;
  readonly folder: string;
  /** The name under which this peer cosigns, a URL without scheme. */
  readonly name: string;
  readonly mirrorKey: Signer;
  /** The log key that the operator pinned; absent to trust the first that is seen. */
  readonly vkey?: Vkey | undefined;
  readonly verify: Verify;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How a round ended. */
export type RoundOutcome =
  | { readonly kind: "cosigned"; readonly size: number }
  /** All holds and is cosigned here, but there is nobody who takes the signature: no hub, or one that does not ask. */
  | { readonly kind: "checked"; readonly size: number; readonly text: string }
  /** Nothing new, or the hub has no checkpoint yet. */
  | { readonly kind: "idle" }
  /** The hub could not be read, or what it gave was incomplete: another round may do better. */
  | { readonly kind: "unreadable"; readonly text: string }
  /** What was read is not of the pinned log, or its newest seal lies too far ahead of this peer's clock. */
  | { readonly kind: "not-cosigned"; readonly text: string }
  /** The log misbehaved, now or earlier. Nothing more of it is cosigned. */
  | { readonly kind: "forked"; readonly text: string };

/** Follows one log. Rounds are run one after another by the caller. */
export class Peer {
  readonly #parts: PeerParts;
  /** The newest note that was cosigned, with this peer's line; resent until the hub has taken it. */
  #cosigned: (Checkpoint & { readonly note: string }) | undefined;
  #taken = -1;

  private constructor(parts: PeerParts) {
    this.#parts = parts;
  }

  /** Goes on where the folder stands. */
  static async open(parts: PeerParts): Promise<Peer> {
    const peer = new Peer(parts);
    const note = decodeUtf8((await parts.files.read(peer.#checkpointPath)) ?? new Uint8Array(0));
    const checkpoint = note === undefined || note === "" ? undefined : parseCheckpoint(note);
    if (note !== undefined && checkpoint !== undefined && !(checkpoint instanceof Fault)) {
      peer.#cosigned = { ...checkpoint, note };
    }
    return peer;
  }

  /** The key under which this peer says: I hold all of it, and every entry passed admission. */
  get mirrorVkey(): string {
    return formatVkey(vkeyOf(this.#parts.name, TYPE_COSIGNATURE, this.#parts.mirrorKey.publicKey));
  }

  /** The newest checkpoint that this peer cosigned, with its line. */
  get checkpoint(): (Checkpoint & { readonly note: string }) | undefined {
    return this.#cosigned;
  }

  /** Reads the hub's newest checkpoint, follows it, and cosigns it if all holds. Never rejects for the hub's doings. */
  async round(): Promise<RoundOutcome> {
    let note: string | undefined;
    let stop: MirrorStop | undefined;
    const { source, mirror } = this.#parts;
    try {
      note = await this.#readNewest();
      if (note === undefined) return { kind: "idle" };
      const offered = parseCheckpoint(note);
      if (offered instanceof Fault) return { kind: "unreadable", text: offered.text };
      const { origin } = mirror.state;
      if (origin !== "" && offered.origin !== origin) {
        return {
          kind: "not-cosigned",
          text: `this copy is of ${origin}, not of ${offered.origin}`,
        };
      }
      if (offered.size > mirror.size) {
        stop = await mirror.follow(source, offered.size, (state) => this.#isMeant(state));
      }
    } catch (error) {
      return { kind: "unreadable", text: error instanceof Error ? error.message : String(error) };
    }
    return this.#judge(note, stop);
  }

  async #readNewest(): Promise<string | undefined> {
    const { source } = this.#parts;
    const bytes = (await source.read("checkpoint/pending")) ?? (await source.read("checkpoint"));
    const note = bytes && decodeUtf8(bytes);
    if (bytes !== undefined && note === undefined) throw new Error("the checkpoint is not UTF-8");
    return note;
  }

  /** Decides about a checkpoint whose entries are here, or stopped short. */
  async #judge(note: string, stop: MirrorStop | undefined): Promise<RoundOutcome> {
    const { mirror, vkey, forks, verify } = this.#parts;
    if (stop?.kind === "stranger" || (mirror.size > 0 && !this.#isMeant(mirror.state))) {
      const pinned = vkey === undefined ? "the pinned key" : formatVkey(vkey);
      return { kind: "not-cosigned", text: `the log is not signed by ${pinned}` };
    }
    if (stop?.kind === "missing") return { kind: "unreadable", text: `the hub lacks ${stop.path}` };
    if (stop?.kind === "unsealed") {
      return { kind: "not-cosigned", text: "the checkpoint's size is not the index after a seal" };
    }
    const opened = openCheckpoint(note, this.#keysFor(note, stop), verify);
    if (opened instanceof Fault) return { kind: "unreadable", text: opened.text };
    if (stop !== undefined) return this.#stopped(opened, stop.refused, stop.entry);
    const root = await mirror.rootAt(opened.size);
    if (!equalBytes(root, opened.root)) return this.#contradicted(opened, encodeHex(root));
    if (forks.has(opened.origin)) {
      return {
        kind: "forked",
        text: "an earlier fork of this log is kept; nothing more is cosigned",
      };
    }
    return (await this.#contradictedBefore(opened)) ?? this.#cosignOrResend(opened);
  }

  /** Whether a state is of the log that the operator pinned, if one was. */
  #isMeant(state: LogState): boolean {
    const { vkey } = this.#parts;
    return vkey === undefined || logVkeys(state).some((key) => isSameVkey(key, vkey));
  }

  /** The key that may have signed a checkpoint: the live one at its size, not one that was replaced. */
  #keysFor(note: string, stop: MirrorStop | undefined): readonly Vkey[] {
    if (stop?.kind === "refused") return stop.keys.slice(-1);
    const { size = 0 } = parseCheckpoint(note) as Partial<Checkpoint>;
    const key = logVkeyAt(this.#parts.mirror.state, size);
    return key === undefined ? [] : [key];
  }

  /** An entry does not follow. Only if the signed root covers it has the log misbehaved. */
  async #stopped(
    opened: OpenedCheckpoint,
    { index, refusal }: ReplayRefusal,
    entry: Uint8Array,
  ): Promise<RoundOutcome> {
    const { mirror, source } = this.#parts;
    const { size, root } = opened;
    const path = await mirror.pathTo(entry, index, { source, size, root }).catch(() => undefined);
    if (path === undefined) {
      const text = `entry ${index} came damaged: ${refusal.code}, and not what the hub signed`;
      return { kind: "unreadable", text };
    }
    return this.#forked(opened, {
      kind: "refused-entry",
      index,
      code: refusal.code,
      text: refusal.text,
      offered: opened.note,
      entry: encodeBase64(entry),
      path: path.map((hash) => encodeBase64(hash)),
    });
  }

  async #contradicted(opened: OpenedCheckpoint, root: string): Promise<RoundOutcome> {
    const { size, note: offered } = opened;
    const stored = this.#cosigned?.size === size ? this.#cosigned.note : undefined;
    if (stored !== undefined) {
      return this.#forked(opened, { kind: "two-roots", size, root, offered, stored });
    }
    const { mirror } = this.#parts;
    const seal = await mirror.entry(size - 1);
    const before = await MerkleFrontier.read(size - 1, mirror.nodes());
    return this.#forked(opened, {
      kind: "wrong-root",
      size,
      root,
      offered,
      seal: encodeBase64(seal ?? new Uint8Array(0)),
      frontier: before.hashes().map((hash) => encodeBase64(hash)),
    });
  }

  /** What was cosigned before must be the beginning of what is shown now, also where the copy had to begin anew. */
  async #contradictedBefore(opened: OpenedCheckpoint): Promise<RoundOutcome | undefined> {
    const before = this.#cosigned;
    const { mirror } = this.#parts;
    if (before === undefined || before.size > mirror.size) return undefined;
    const root = await mirror.rootAt(before.size);
    if (equalBytes(root, before.root)) return undefined;
    const { size, note: stored } = before;
    const offered = opened.note;
    return this.#forked(opened, {
      kind: "two-roots",
      size,
      root: encodeHex(root),
      offered,
      stored,
    });
  }

  async #forked(opened: OpenedCheckpoint, misbehaviour: Misbehaviour): Promise<RoundOutcome> {
    const { forks, clock, logger } = this.#parts;
    const fork = await forks.keep(opened.origin, misbehaviour, clock.nowMs());
    logger.error({ fork: fork.id, kind: misbehaviour.kind, origin: opened.origin }, "fork kept");
    return { kind: "forked", text: `${misbehaviour.kind}: see fork ${fork.id}` };
  }

  async #cosignOrResend(opened: OpenedCheckpoint): Promise<RoundOutcome> {
    const { mirror, clock } = this.#parts;
    // An older checkpoint than the copy, or than what was cosigned, is consistent and nothing new.
    if (opened.size === mirror.size && opened.size > (this.#cosigned?.size ?? -1)) {
      const aheadMs = mirror.state.head!.timeMs - clock.nowMs();
      if (aheadMs > CLOCK_AHEAD_SECONDS_MAX * 1000) {
        return {
          kind: "not-cosigned",
          text: `the newest seal lies ${aheadMs} ms ahead of this clock`,
        };
      }
      await this.#cosign(opened);
    }
    return this.#send();
  }

  /** Makes the cosignature durable before anybody sees it. */
  async #cosign(opened: OpenedCheckpoint): Promise<void> {
    const { name, mirrorKey, clock, files } = this.#parts;
    const line = cosign(opened.text, name, mirrorKey, Math.floor(clock.nowMs() / 1000));
    const hubLine = hubLineOf(opened);
    const note = formatNote(opened.text, [hubLine, line]);
    await files.write(this.#checkpointPath, encodeUtf8(note));
    const { origin, size, root } = opened;
    this.#cosigned = { origin, size, root, note };
  }

  async #send(): Promise<RoundOutcome> {
    const cosigned = this.#cosigned;
    if (cosigned === undefined || cosigned.size === this.#taken) return { kind: "idle" };
    try {
      const { status, text } = await this.#parts.sink.send(cosigned.note);
      if (status === 200) {
        this.#taken = cosigned.size;
        return { kind: "cosigned", size: cosigned.size };
      }
      if (status === 403 || status === 404 || status === 405) {
        this.#taken = cosigned.size;
        return { kind: "checked", size: cosigned.size, text: unlistedText(status) };
      }
      const [reason = ""] = text.trim().split("\n");
      return { kind: "not-cosigned", text: `the hub answered ${status}: ${reason.slice(0, 200)}` };
    } catch (error) {
      return { kind: "unreadable", text: error instanceof Error ? error.message : String(error) };
    }
  }

  get #checkpointPath(): string {
    return `${this.#parts.folder}/log/checkpoint`;
  }
}

/** The hub's own line of an opened checkpoint. */
function hubLineOf(opened: OpenedCheckpoint): string {
  const note = parseNote(opened.note);
  const lines = note instanceof Fault ? [] : note.signatures;
  const line = lines.find((each) => opened.signers.some((signer) => isSignedAs(each, signer)));
  if (line === undefined) throw new Error("an opened checkpoint has its log's line");
  return formatSignatureLine(line);
}

function unlistedText(status: number): string {
  return status === 403
    ? "all holds; the hub's policy does not name this peer, so its signature does not count there"
    : "all holds; there is no hub at this address that takes cosignatures";
}
