/**
 * The hub's log: the single owner of admission's state, the journal and the archive (docs/architecture.md, the hub's disk).
 *
 * Decides what may follow, in the order of the calls, makes it durable in groups, and seals blocks without stopping
 * either. When to seal is sealer.ts's matter; who sends what, and what is answered, the broker's and the API's. After a
 * write has failed nobody knows what the disk holds: everything rejects from then on, and the hub stops.
 */

import { apply, judge } from "../ledger/admission.ts";
import type { Admission } from "../ledger/admission.ts";
import { equalBytes } from "../ledger/bytes.ts";
import { signCheckpoint } from "../ledger/checkpoint.ts";
import type { Checkpoint } from "../ledger/checkpoint.ts";
import { Refusal } from "../ledger/errors.ts";
import { kidHex } from "../ledger/key.ts";
import { CLOCK_AHEAD_SECONDS_MAX } from "../ledger/limits.ts";
import { snapshotState } from "../ledger/log-state.ts";
import type { LogState } from "../ledger/log-state.ts";
import { signReceipt } from "../ledger/receipt.ts";
import type { Pack } from "../ledger/senml.ts";
import { ZERO_HASH } from "../ledger/sha256.ts";
import type { Hash } from "../ledger/sha256.ts";
import type { Signer, Verify } from "../ledger/signature.ts";
import { decodeStatement, signedBytes, signStatement } from "../ledger/statement.ts";
import type { Draft, Statement } from "../ledger/statement.ts";
import type { Clock } from "../platform/clock.ts";
import type { Files } from "../platform/files.ts";
import type { Logger } from "../platform/log.ts";
import { UserError } from "../platform/user-error.ts";
import { openHidden } from "./hidden.ts";
import { draftGenesis, draftRekey, draftSeal } from "./hub-drafts.ts";
import type { GenesisParts } from "./hub-drafts.ts";
import { LogReader } from "./log-reader.ts";
import type { SealedBlock } from "./log-reader.ts";
import type { Located } from "./store/block-summary.ts";
import type { CommitCell } from "./store/commit-cell.ts";
import type { EntryIndex } from "./store/entry-index.ts";
import { OpenBlock } from "./store/open-block.ts";
import { LogStore } from "./store/log-store.ts";

export type { SealedBlock } from "./log-reader.ts";

/** An entry that was admitted. Durable once `durable` has resolved. */
export interface AcceptedEntry {
  readonly index: number;
  readonly statement: Statement;
  /** Of readings, and of a restricted pack, whose preimage came along. */
  readonly pack?: Pack;
  /** By the hub's clock. */
  readonly receivedMs: number;
}

/** What became of a statement that was offered. */
export type Decision =
  | { readonly kind: "accepted"; readonly entry: AcceptedEntry }
  /** The log holds the same bytes: to be acknowledged again. */
  | { readonly kind: "repeat"; readonly index: number; readonly statement: Statement }
  /** The log holds other bytes of that key and number, and both are signed: kept as evidence. `index` is of those. */
  | {
      readonly kind: "equivocation";
      readonly index: number;
      readonly statement: Statement;
      readonly refusal: Refusal;
    }
  | {
      readonly kind: "refused";
      /** Absent where the bytes are none. */
      readonly statement?: Statement;
      readonly refusal: Refusal;
      /** The number that the key is to go on with, where the key is known. */
      readonly expected?: number;
    };

/** What a log is made of. */
export interface HubLogParts {
  readonly files: Files;
  /** The data folder, which this process owns. */
  readonly folder: string;
  /** Holds the hub's live key. */
  readonly signer: Signer;
  readonly verify: Verify;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What the caller believes of the log; contradicting genesis is refused. */
  readonly origin?: string | undefined;
  readonly blockSeconds?: number | undefined;
  /** There is a policy with a quorum: which checkpoint the log shows is decided by `show`, not by sealing. */
  readonly hasQuorum?: boolean | undefined;
  /** In place of the file in the data folder. */
  readonly cell?: CommitCell | undefined;
  /** In place of LMDB in the data folder. */
  readonly openIndex?: ((path: string) => Promise<EntryIndex>) | undefined;
}

/** How a statement is offered. */
export interface DecideOptions {
  /** In place of the log's own, such as one that knows the result already. */
  readonly verify?: Verify | undefined;
  /** What stands behind the hash of a restricted pack or enrolment. */
  readonly preimage?: Uint8Array | undefined;
}

type Listener<T> = (value: T) => void;

/** See the head of the file. */
export class HubLog extends LogReader {
  readonly #verify: Verify;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #signer: Signer;
  /** Admitted and not yet durable, in order. */
  #accepted: AcceptedEntry[] = [];
  /** How many entries were reported as durable since the start. */
  #reported = 0;
  readonly #acceptedListeners = new Set<Listener<readonly AcceptedEntry[]>>();
  readonly #sealedListeners = new Set<Listener<SealedBlock>>();
  readonly #evidenceWrites = new Set<Promise<unknown>>();
  #sealing: Promise<SealedBlock> | undefined;
  #failure: Error | undefined;

  private constructor(store: LogStore, parts: HubLogParts) {
    super(store);
    this.#verify = parts.verify;
    this.#clock = parts.clock;
    this.#logger = parts.logger;
    this.#signer = parts.signer;
    const { committed } = store;
    if (committed !== undefined) this.keepNote(committed.checkpoint.size, committed.note);
    store.journal.notify((count) => this.#report(count));
  }

  /**
   * Opens the log of a data folder, finishing whatever a crash has interrupted.
   *
   * Throws `UserError` where there is no log, its key is another one, the parts contradict genesis, or the disk is
   * damaged in a way that going on would make worse.
   */
  static async open(parts: HubLogParts): Promise<HubLog> {
    const store = await LogStore.open(parts);
    try {
      if (store.state.size === 0) {
        throw new UserError(`There is no log in ${parts.folder}.`, {
          hint: "`kerbstone hub init` makes one.",
        });
      }
      refuseContradiction(store.state, parts);
      const log = new HubLog(store, parts);
      await log.#finishInterrupted();
      return log;
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  /** Makes a new log: genesis and its seal. Throws `UserError` where there is one, or genesis would be refused. */
  static async create(parts: HubLogParts & GenesisParts): Promise<HubLog> {
    const store = await LogStore.open(parts);
    try {
      if (store.state.size > 0) {
        throw new UserError(`There is a log in ${parts.folder} already: ${store.state.origin}.`);
      }
      const log = new HubLog(store, parts);
      log.#begin(parts);
      await log.seal();
      return log;
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  /** Bytes of the open block in memory, which the sealer keeps below a bound. */
  get openBytes(): number {
    return this.store.blocks.current.image.length;
  }

  /**
   * Decides about a statement, and if it may follow, makes it the next entry.
   *
   * The order of the calls is the order of the log. Nobody may be told before `durable` has resolved. Throws once the
   * log has failed.
   */
  decide(bytes: Uint8Array | Statement, options: DecideOptions = {}): Decision {
    this.#refuseAfterFailure();
    const statement = bytes instanceof Uint8Array ? decodeStatement(bytes) : bytes;
    if (statement instanceof Refusal) return { kind: "refused", refusal: statement };
    const key = this.state.registry.key(statement.kid);
    if (key !== undefined && statement.seq <= key.lastSeq) {
      const earlier = this.findBySeq(statement.kid, statement.seq);
      if (earlier !== undefined) return this.#decideAgain(statement, earlier, options);
    }
    return this.#offer(statement, options, key?.role === "hub");
  }

  /**
   * Says something in the hub's own name, such as an enrolment, signed as the next statement of its chain.
   *
   * Seals and changes of the key have methods of their own. Throws once the log has failed.
   */
  submit(draft: Draft, options: Pick<DecideOptions, "preimage"> = {}): Decision {
    if (draft.kind === "seal" || draft.kind === "rekey" || draft.kind === "genesis") {
      throw new Error(`${draft.kind} is not for submit`);
    }
    return this.#say(draft, options);
  }

  /**
   * Changes the hub's key: from the next entry on only `next` speaks for it.
   *
   * The caller has stored the new key durably before. Throws while a block is being sealed.
   */
  rotate(next: Signer): Decision {
    // A block that is sealed but not committed needs its checkpoint signed by the old key, perhaps after a restart.
    if (this.#sealing !== undefined) throw new Error("no change of key while a block is sealed");
    const decision = this.#say(draftRekey(this.state.origin, next, this.#clock.nowMs()));
    if (decision.kind === "accepted") this.#signer = next;
    return decision;
  }

  /**
   * Resolves when all that was decided before the call is on disk, synced; one sync serves all who wait.
   *
   * A rejection means that nobody knows what is stored: the hub stops.
   */
  durable(): Promise<void> {
    const failure = this.#failureNow();
    if (failure !== undefined) return Promise.reject(failure);
    const flushed = this.store.journal.flush();
    if (this.#evidenceWrites.size === 0) return flushed;
    return Promise.all([flushed, ...this.#evidenceWrites]).then(() => undefined);
  }

  /**
   * Seals the open block: everything since the last seal, were it nothing.
   *
   * What is decided meanwhile belongs to the next block. Resolves when the block is committed, published and indexed;
   * a rejection means that the hub must stop. Throws while another call is under way.
   */
  async seal(): Promise<SealedBlock> {
    this.#refuseAfterFailure();
    if (this.#sealing !== undefined) throw new Error("a block is being sealed already");
    this.#closeBlock();
    this.#sealing = this.#writeSealed();
    try {
      return await this.#sealing;
    } catch (cause) {
      this.#failure ??= new Error("a block could not be sealed", { cause });
      throw cause;
    } finally {
      this.#sealing = undefined;
    }
  }

  /** Signs a receipt (docs/formats.md, section 9) with the hub's live key. Checkpoint and path are believed. */
  signReceipt(checkpoint: Checkpoint, index: number, path: readonly Hash[]): Uint8Array {
    return signReceipt(checkpoint, index, path, this.#signer);
  }

  /** Calls `listener` with each group of entries once they are durable, in order. Gives what ends it. */
  onAccepted(listener: (entries: readonly AcceptedEntry[]) => void): () => void {
    this.#acceptedListeners.add(listener);
    return () => this.#acceptedListeners.delete(listener);
  }

  /** Calls `listener` with each block once it is committed, published and indexed. Gives what ends it. */
  onSealed(listener: (block: SealedBlock) => void): () => void {
    this.#sealedListeners.add(listener);
    return () => this.#sealedListeners.delete(listener);
  }

  /** Makes durable what was decided, waits for a sealing under way, and closes everything. */
  async close(): Promise<void> {
    await this.#sealing?.catch(() => undefined);
    try {
      if (this.#failureNow() === undefined) await this.durable();
    } finally {
      this.#failure ??= new Error("the log is closed");
      await this.store.close();
    }
  }

  /** A statement at a number that is taken: the same again, another one of the same signer, or a stranger's. */
  #decideAgain(statement: Statement, earlier: Located, options: DecideOptions): Decision {
    const { index } = earlier;
    if (equalBytes(earlier.hash, statement.hash)) return { kind: "repeat", index, statement };
    const verify = options.verify ?? this.#verify;
    const key = this.state.registry.key(statement.kid)!;
    const refusal = judge(this.state, statement, { verify, entry: () => undefined });
    if (!(refusal instanceof Refusal)) throw new Error("a number that is taken was admitted again");
    const isSigned =
      refusal.code !== "bad-signature" &&
      verify(key.publicKey, signedBytes(statement), statement.signature);
    if (!isSigned) return { kind: "refused", statement, refusal, expected: key.lastSeq + 1 };
    this.#keepEquivocation(statement, index);
    return { kind: "equivocation", index, statement, refusal };
  }

  #keepEquivocation(statement: Statement, index: number): void {
    const { kid: subject, bytes } = statement;
    const foundMs = this.#clock.nowMs();
    const second = bytes.slice();
    const keeping = this.entry(index).then((first) =>
      this.store.evidence.put({ kind: "equivocation", subject, foundMs, parts: [first!, second] }),
    );
    const done = keeping.finally(() => this.#evidenceWrites.delete(done));
    // Whoever asks for durability next gets the rejection; until then it must not count as unhandled.
    done.catch((cause: unknown) => {
      this.#failure ??= new Error("evidence could not be kept", { cause });
    });
    this.#evidenceWrites.add(done);
  }

  #say(draft: Draft, options: Pick<DecideOptions, "preimage"> = {}): Decision {
    this.#refuseAfterFailure();
    const { hub } = this.state;
    if (hub === undefined) throw new Error("a log without genesis has no hub");
    const chain = { issuer: "hub", seq: hub.lastSeq + 1, prev: hub.lastHash };
    return this.#offer(signStatement(chain, draft, this.#signer), options, false);
  }

  /** Judges a statement as the next entry, and takes it. */
  #offer(statement: Statement, options: DecideOptions, isForgery: boolean): Decision {
    const admission = judge(this.state, statement, {
      verify: options.verify ?? this.#verify,
      entry: (index) => this.store.hiding(index),
    });
    const receivedMs = this.#clock.nowMs();
    const pack =
      admission instanceof Refusal
        ? admission
        : (refuseHere(statement, receivedMs, isForgery) ?? openHidden(admission, options.preimage));
    if (admission instanceof Refusal || pack instanceof Refusal) {
      const refusal = pack as Refusal;
      const key = this.state.registry.key(statement.kid);
      return key === undefined
        ? { kind: "refused", statement, refusal }
        : { kind: "refused", statement, refusal, expected: key.lastSeq + 1 };
    }
    this.#take(admission, options.preimage, receivedMs);
    const { index } = admission;
    const entry: AcceptedEntry =
      pack === undefined
        ? { index, statement, receivedMs }
        : { index, statement, pack, receivedMs };
    this.#accepted.push(entry);
    return { kind: "accepted", entry };
  }

  /** Makes an admission part of state, journal and open block. */
  #take(admission: Admission, preimage: Uint8Array | undefined, receivedMs: number): void {
    const { journal, blocks } = this.store;
    journal.add({ bytes: admission.statement.bytes, preimage, receivedMs });
    blocks.current.take(admission, apply(this.state, admission));
  }

  #begin(parts: GenesisParts): void {
    const draft = draftGenesis(parts, this.#signer.publicKey, this.#clock.nowMs());
    const chain = { issuer: "hub", seq: 0, prev: ZERO_HASH };
    const decision = this.#offer(signStatement(chain, draft, this.#signer), {}, false);
    if (decision.kind !== "refused") return;
    throw new UserError(`This log cannot be made: ${decision.refusal.text}.`);
  }

  /** Appends the seal over the open block and opens the next one, in one step of the program. */
  #closeBlock(): void {
    const { state } = this;
    const decision = this.#say(draftSeal(state, this.#clock.nowMs()));
    if (decision.kind !== "accepted") throw new Error("the hub refuses its own seal");
    const { blocks, journal } = this.store;
    blocks.current.close(snapshotState(state), state.frontier.root());
    blocks.push(new OpenBlock(journal.begin(state.size)));
  }

  /** Writes the oldest sealed block, whose entries must be durable before anything of it is shown. */
  async #writeSealed(): Promise<SealedBlock> {
    const block = this.store.blocks.sealed;
    const closing = block?.closing;
    if (block === undefined || closing === undefined) throw new Error("there is no sealed block");
    await this.durable();
    const { index, sealedRoot } = closing.block;
    const checkpoint = { origin: this.state.origin, size: index + 1, root: sealedRoot };
    const note = this.sign(checkpoint);
    await this.store.writer.write(block, note, this.store.blocks);
    await this.store.retire(block);
    this.keepNote(checkpoint.size, note);
    const sealed = this.showBlock({ ...closing.block, note });
    this.#tell(this.#sealedListeners, sealed);
    return sealed;
  }

  /** Seals what was about to be sealed when the hub ended. */
  async #finishInterrupted(): Promise<void> {
    const hub = this.state.hub;
    if (hub?.kid !== kidHex(this.#signer.publicKey)) {
      throw new UserError(
        `The hub's key of this log is ${hub?.kid}, and the given one is another.`,
        {
          hint: "Use the key file that the log was last written with.",
        },
      );
    }
    while (this.store.blocks.sealed !== undefined) await this.#writeSealed();
    if (this.state.head === undefined) await this.seal();
  }

  protected override sign(checkpoint: Checkpoint): string {
    return signCheckpoint(checkpoint, this.#signer);
  }

  #report(count: number): void {
    const entries = this.#accepted.slice(0, count - this.#reported);
    this.#accepted = this.#accepted.slice(entries.length);
    this.#reported = count;
    this.#tell(this.#acceptedListeners, entries);
  }

  /** A listener that throws is at fault alone: the log goes on. */
  #tell<T>(listeners: Iterable<Listener<T>>, value: T): void {
    for (const listener of listeners) {
      try {
        listener(value);
      } catch (error) {
        this.#logger.error({ error }, "a listener of the log has thrown");
      }
    }
  }

  #failureNow(): Error | undefined {
    return this.#failure ?? this.store.journal.failure;
  }

  #refuseAfterFailure(): void {
    const failure = this.#failureNow();
    if (failure !== undefined) throw failure;
  }
}

/** What the hub refuses beyond the rules that everybody checks: it cannot be told from the entries alone. */
function refuseHere(statement: Statement, nowMs: number, isForgery: boolean): Refusal | undefined {
  if (isForgery) return new Refusal("wrong-role", "only this hub itself says something as hub");
  if (statement.iat * 1000 <= nowMs + CLOCK_AHEAD_SECONDS_MAX * 1000) return undefined;
  return new Refusal(
    "future",
    `signed more than ${CLOCK_AHEAD_SECONDS_MAX} s ahead of the hub's clock`,
  );
}

function refuseContradiction(state: LogState, parts: HubLogParts): void {
  const { origin, blockSeconds } = parts;
  if (origin !== undefined && origin !== state.origin) {
    throw new UserError(`The log in ${parts.folder} is ${state.origin}, not ${origin}.`);
  }
  if (blockSeconds !== undefined && blockSeconds !== state.blockSeconds) {
    throw new UserError(
      `Genesis of ${state.origin} says a block every ${state.blockSeconds} s, not every ${blockSeconds} s.`,
    );
  }
}
