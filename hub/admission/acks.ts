/**
 * Acks: what the hub has of a device's statements, with the proofs (docs/formats.md, section 10).
 *
 * One ack says it all, so a device needs only the newest: many statements share one, an interval keeps them apart, and a
 * new block or a new cosignature goes out as soon as the paths are read. Devices that are not connected get theirs when
 * they subscribe.
 */

import { encodeHex, encodeUtf8 } from "../../ledger/bytes.ts";
import { inclusionPath } from "../../ledger/merkle.ts";
import { formatProof } from "../../ledger/proof.ts";
import type { Hash } from "../../ledger/sha256.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Logger } from "../../platform/log.ts";
import type { HubLog } from "../log.ts";
import type { KeyProgress, Mark, Progress } from "./progress.ts";

/** What the quorum's mirrors have cosigned. Absent where the hub has no policy with a quorum. */
export interface CosignedView {
  /** The newest size that the quorum has cosigned; `undefined` before the first. */
  cosignedSize(): number | undefined;
  /** The checkpoint of a size with its cosignatures, as a note; `undefined` where it is not kept. */
  noteAt(size: number): string | undefined;
  /** Calls `listener` with each new cosigned size; gives the function that ends it. */
  onCosigned(listener: (size: number) => void): () => void;
}

/** What acks are made of, and where they go. */
export interface AckPorts {
  readonly log: Pick<
    HubLog,
    "state" | "durable" | "nodes" | "sealedSize" | "checkpointAt" | "heightOf"
  >;
  readonly progress: Progress;
  readonly cosigned: CosignedView | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Between two acks of one device that bring nothing but newly stored statements. */
  readonly intervalMs: number;
  isConnected(device: string): boolean;
  /** Resolves when the ack is retained, and on its way to a device that has subscribed. */
  publish(device: string, body: Uint8Array): Promise<void>;
}

/** A proof that was made, kept until the device has a newer statement to prove. */
interface Receipt {
  readonly index: number;
  readonly text: string;
}

interface QuorumPart {
  readonly mark: Mark | undefined;
  readonly size: number | undefined;
  readonly note: string | undefined;
}

/** How far an ack said that the device has come. */
interface Said {
  readonly hash: Hash;
  readonly sealed: Mark | undefined;
  readonly cosigned: Mark | undefined;
}

interface Correspondent {
  /** By the monotonic clock; -Infinity before the first. */
  sentMs: number;
  /** By the newest ack of this connection. */
  said: Said | undefined;
  sealedReceipt: Receipt | undefined;
  cosignedReceipt: Receipt | undefined;
  /** The ack that is being composed, if one is. */
  composing: Promise<void> | undefined;
}

/** How late an ack may be: so often is looked for devices that are due. */
const TICK_MS = 50;

/**
 * Acks on their way at the same time: each waits for the broker for some turns of the event loop, so that with few of them
 * a busy hub would send its acks by the turn. A bound on what they hold: some kilobytes each.
 */
const COMPOSING_MAX = 128;

/** Sends acks for one hub. */
export class Acks {
  readonly #ports: AckPorts;
  readonly #correspondents = new Map<string, Correspondent>();
  /** Devices that are owed an ack, with the time at which it may go. */
  readonly #due = new Map<string, number>();
  #composing = 0;
  /** Devices whose turn it is; each device at most once, so it is bounded by their number. */
  readonly #ready = new Set<string>();
  #cancelTick: (() => void) | undefined;
  #isClosed = false;

  constructor(ports: AckPorts) {
    this.#ports = ports;
  }

  /** Notes that the device has newly stored statements, or sent old ones again. */
  noteStored(device: string): void {
    const sentMs = this.#correspondents.get(device)?.sentMs ?? -Infinity;
    this.#owe(device, sentMs + this.#ports.intervalMs);
  }

  /** Notes that a block was sealed or cosigned: the connected devices that have something in it are owed an ack now. */
  noteProgress(connected: Iterable<string>): void {
    const nowMs = this.#ports.clock.monotonicMs();
    for (const device of connected) if (this.#hasNews(device)) this.#owe(device, nowMs);
  }

  /** Composes the ack of a device as of now and publishes it. */
  async refresh(device: string): Promise<void> {
    const correspondent = this.#correspondent(device);
    // One after another, so that an older ack never goes out behind a newer one.
    while (correspondent.composing !== undefined) await correspondent.composing;
    if (this.#isClosed) return;
    const composing = this.#send(device, correspondent);
    const finish = (): void => {
      correspondent.composing = undefined;
    };
    correspondent.composing = composing.then(finish, finish);
    await composing;
  }

  /** Forgets what was kept for a device that has left. */
  forget(device: string): void {
    this.#due.delete(device);
    this.#ready.delete(device);
    // One that is being composed stays in line before the next connection's.
    if (this.#correspondents.get(device)?.composing === undefined) {
      this.#correspondents.delete(device);
    }
  }

  /** Sends nothing any more. */
  close(): void {
    this.#isClosed = true;
    this.#cancelTick?.();
    this.#due.clear();
    this.#ready.clear();
  }

  /** Whether an ack would say more than the last one: of ten thousand devices, most are silent for many blocks. */
  #hasNews(device: string): boolean {
    const { log, progress } = this.#ports;
    const said = this.#correspondents.get(device)?.said;
    const key = log.state.registry.liveKey(device);
    const reached = key && progress.of(key.kid);
    if (said === undefined || reached === undefined) return true;
    const { hash, sealed, cosigned } = reached;
    return hash !== said.hash || sealed !== said.sealed || cosigned !== said.cosigned;
  }

  #correspondent(device: string): Correspondent {
    let correspondent = this.#correspondents.get(device);
    if (correspondent === undefined) {
      correspondent = {
        sentMs: -Infinity,
        said: undefined,
        sealedReceipt: undefined,
        cosignedReceipt: undefined,
        composing: undefined,
      };
      this.#correspondents.set(device, correspondent);
    }
    return correspondent;
  }

  #owe(device: string, atMs: number): void {
    if (this.#isClosed || !this.#ports.isConnected(device)) return;
    this.#due.set(device, Math.min(atMs, this.#due.get(device) ?? Infinity));
    this.#cancelTick ??= this.#ports.clock.after(TICK_MS, () => this.#tick());
  }

  /** Collects whoever is due. A steady tick, since with a timer a device the timers would be the work. */
  #tick(): void {
    this.#cancelTick = undefined;
    const nowMs = this.#ports.clock.monotonicMs();
    for (const [device, dueMs] of this.#due) {
      if (dueMs > nowMs) continue;
      this.#due.delete(device);
      this.#ready.add(device);
    }
    if (this.#due.size > 0) {
      this.#cancelTick = this.#ports.clock.after(TICK_MS, () => this.#tick());
    }
    this.#work();
  }

  #work(): void {
    for (const device of this.#ready) {
      if (this.#isClosed || this.#composing >= COMPOSING_MAX) return;
      this.#ready.delete(device);
      this.#composing += 1;
      const finish = (): void => {
        this.#composing -= 1;
        this.#work();
      };
      this.refresh(device).then(finish, (error: unknown) => {
        this.#ports.logger.error({ device, error }, "could not compose an ack");
        finish();
      });
    }
  }

  async #send(device: string, correspondent: Correspondent): Promise<void> {
    const body = await this.#compose(device, correspondent);
    if (body === undefined || this.#isClosed) return;
    correspondent.sentMs = this.#ports.clock.monotonicMs();
    await this.#ports.publish(device, body);
  }

  async #compose(device: string, correspondent: Correspondent): Promise<Uint8Array | undefined> {
    const { log, progress, cosigned } = this.#ports;
    const key = log.state.registry.liveKey(device);
    const reached = key && progress.of(key.kid);
    if (key === undefined || reached === undefined) return undefined;
    const { stored, hash, sealed } = reached;
    // The hash to begin with is the enrolment's, which may have been decided just now.
    if (stored === undefined) await log.durable();
    const quorum = cosigned && this.#quorumPart(reached, cosigned);
    correspondent.said = { hash, sealed, cosigned: reached.cosigned };
    const height = sealed === undefined ? -1 : (log.heightOf(sealed.index) ?? -1);
    const sealedReceipt = sealed && this.#sealedReceipt(sealed, correspondent);
    const ack = {
      kid: key.kid,
      stored: stored?.seq ?? -1,
      hash: encodeHex(hash),
      sealed: sealed?.seq ?? -1,
      ...(quorum && { cosigned: quorum.mark?.seq ?? -1 }),
      // The hub keeps a preimage in the same sync as its statement, and no other holder is asked for.
      bodies: key.device?.visibility === "restricted" ? (stored?.seq ?? -1) : -1,
      height,
      sealedReceipt: (await sealedReceipt)?.text,
      cosignedReceipt: (await this.#cosignedReceipt(quorum, correspondent))?.text,
    };
    return encodeUtf8(JSON.stringify(ack));
  }

  /** Read in one go: the note of a size may be forgotten as soon as a larger one is cosigned. */
  #quorumPart(reached: KeyProgress, view: CosignedView): QuorumPart {
    const size = view.cosignedSize();
    return {
      mark: reached.cosigned,
      size,
      note: size === undefined ? undefined : view.noteAt(size),
    };
  }

  async #sealedReceipt(mark: Mark, correspondent: Correspondent): Promise<Receipt | undefined> {
    const { log } = this.#ports;
    if (correspondent.sealedReceipt?.index !== mark.index) {
      const size = log.sealedSize;
      correspondent.sealedReceipt = await this.#prove(mark, size, log.checkpointAt(size));
    }
    return correspondent.sealedReceipt;
  }

  async #cosignedReceipt(
    quorum: QuorumPart | undefined,
    correspondent: Correspondent,
  ): Promise<Receipt | undefined> {
    const { mark, size, note } = quorum ?? {};
    if (mark === undefined || size === undefined) return undefined;
    if (correspondent.cosignedReceipt?.index !== mark.index) {
      correspondent.cosignedReceipt = await this.#prove(mark, size, note);
    }
    return correspondent.cosignedReceipt;
  }

  async #prove(mark: Mark, size: number, note: string | undefined): Promise<Receipt | undefined> {
    if (note === undefined || mark.index >= size) return undefined;
    const path = await inclusionPath(mark.index, size, this.#ports.log.nodes);
    return { index: mark.index, text: formatProof({ index: mark.index, path, checkpoint: note }) };
  }
}
