/**
 * The hub's side of cosigning: takes cosignatures in, and says which size the quorum holds (docs/formats.md, 8 and 12).
 *
 * Disk: `cosigned/<size>`, the note of a checkpoint with all lines that came for it. Kept are the newest one that meets
 * the quorum and those after it; whatever is lost is sent again by the peers.
 */

import { decodeUtf8, encodeUtf8 } from "../ledger/bytes.ts";
import { openCheckpoint, parseCheckpoint } from "../ledger/checkpoint.ts";
import { verifyCosignature } from "../ledger/cosignature.ts";
import { Fault } from "../ledger/fault.ts";
import { logVkeys } from "../ledger/log-keys.ts";
import { formatNote, formatSignatureLine, isSignedAs, parseNote } from "../ledger/note.ts";
import type { NoteSignature } from "../ledger/note.ts";
import { NO_QUORUM, quorumMet } from "../ledger/policy.ts";
import type { Policy, PolicyWitness } from "../ledger/policy.ts";
import type { Verify } from "../ledger/signature.ts";
import type { Files } from "../platform/files.ts";
import type { Logger } from "../platform/log.ts";
import type { HubLog } from "./log.ts";

/** What cosigning is made of. */
export interface CosigningParts {
  readonly log: Pick<HubLog, "checkpointAt" | "sealedSize" | "state" | "show">;
  readonly policy: Policy;
  readonly verify: Verify;
  readonly files: Files;
  /** The folder of the notes. */
  readonly folder: string;
  readonly logger: Logger;
}

/** The answer to a note that was handed in. */
export interface CosignatureAnswer {
  readonly status: 200 | 400 | 403 | 409;
  readonly text: string;
}

/** What is known of a signer of the policy. */
export interface CosignerView {
  readonly witness: PolicyWitness;
  /** The largest size that it cosigned, and when it says it did; absent before the first. */
  readonly size: number | undefined;
  readonly timeSeconds: number | undefined;
}

/** Notes above the newest that meets the quorum; more than this, and the oldest is forgotten. */
const PENDING_NOTES_MAX = 64;

/** Collects the cosignatures of one log. */
export class Cosigning {
  readonly #parts: CosigningParts;
  readonly #notes = new Map<number, string>();
  readonly #latest = new Map<PolicyWitness, { size: number; timeSeconds: number }>();
  readonly #listeners = new Set<(size: number) => void>();
  #cosignedSize: number | undefined;
  /** Notes are merged one after another, so that no line is lost between reading and writing. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(parts: CosigningParts) {
    this.#parts = parts;
  }

  /** Reads what was collected before. */
  static async open(parts: CosigningParts): Promise<Cosigning> {
    const cosigning = new Cosigning(parts);
    const { files, folder } = parts;
    await files.makeFolder(folder);
    const sizes = (await files.list(folder)).map(Number).sort((a, b) => a - b);
    for (const size of sizes) {
      const note = decodeUtf8((await files.read(`${folder}/${size}`)) ?? new Uint8Array(0));
      const checkpoint = note === undefined ? undefined : parseCheckpoint(note);
      // A note of a size that this log does not have is of a history that was lost with the disk.
      if (note === undefined || checkpoint === undefined || checkpoint instanceof Fault) continue;
      if (checkpoint.size <= parts.log.sealedSize) await cosigning.#count(size, note);
    }
    return cosigning;
  }

  /** Who is to cosign, and how many of them. */
  get policy(): Policy {
    return this.#parts.policy;
  }

  /** Whether the policy asks for cosignatures at all. */
  get hasQuorum(): boolean {
    return this.#parts.policy.quorum !== NO_QUORUM;
  }

  /** The newest size that the quorum has cosigned. */
  cosignedSize(): number | undefined {
    return this.#cosignedSize;
  }

  /** The checkpoint of a size with the lines that came for it; `undefined` where none is kept. */
  noteAt(size: number): string | undefined {
    return this.#notes.get(size);
  }

  /** Calls `listener` with each new cosigned size; gives the function that ends it. */
  onCosigned(listener: (size: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Every signer of the policy, and how far it has come. */
  cosigners(): CosignerView[] {
    return this.#parts.policy.witnesses.map((witness) => {
      const latest = this.#latest.get(witness);
      return { witness, size: latest?.size, timeSeconds: latest?.timeSeconds };
    });
  }

  /** The signers whose lines are on the note of a size, by their names in the policy. */
  cosignersAt(size: number): string[] {
    const note = this.#notes.get(size);
    return note === undefined ? [] : this.#verified(note).map(({ witness }) => witness.name);
  }

  /** Takes a note with a peer's lines. What is answered with 200 is durable. */
  receive(note: string): Promise<CosignatureAnswer> {
    const answer = this.#turn.then(() => this.#receive(note));
    this.#turn = answer.catch(() => undefined);
    return answer;
  }

  async #receive(note: string): Promise<CosignatureAnswer> {
    const { log, policy, files, folder, logger } = this.#parts;
    const offered = parseCheckpoint(note);
    if (offered instanceof Fault) return { status: 400, text: offered.text };
    const { size } = offered;
    const known = this.#notes.get(size) ?? log.checkpointAt(size);
    const parsed = known === undefined ? undefined : parseNote(known);
    if (known === undefined || parsed === undefined || parsed instanceof Fault) {
      return { status: 409, text: `this hub keeps no checkpoint of size ${size}` };
    }
    if (parsed.text !== offered.text) {
      logger.error({ size, note }, "a peer cosigned another checkpoint of this size");
      return { status: 409, text: `this hub signed another checkpoint of size ${size}` };
    }
    const keys = policy.witnesses.map(({ vkey }) => vkey);
    const lines = offered.signatures.filter((line) => keys.some((key) => isSignedAs(line, key)));
    if (lines.length === 0) return { status: 403, text: "no line is of a signer of the policy" };
    const best = this.#newestOf(parsed.text, [...parsed.signatures, ...lines]);
    if (best === undefined) {
      return { status: 403, text: "a line of a signer of the policy does not hold" };
    }
    const own = parsed.signatures.filter((line) => !keys.some((key) => isSignedAs(line, key)));
    const merged = formatNote(parsed.text, [...own, ...best].map(formatSignatureLine));
    if (merged !== known) await files.write(`${folder}/${size}`, encodeUtf8(merged));
    await this.#count(size, merged);
    await this.#collect();
    return { status: 200, text: "" };
  }

  /**
   * The newest cosignature of each signer of the policy, by the time that it bears; `undefined` where a line of one does
   * not hold. One line a signer, or lines that anybody sends again would fill the note.
   */
  #newestOf(text: string, lines: readonly NoteSignature[]): NoteSignature[] | undefined {
    const { policy, verify } = this.#parts;
    const newest: NoteSignature[] = [];
    for (const { vkey } of policy.witnesses) {
      let best: { line: NoteSignature; timeSeconds: number } | undefined;
      for (const line of lines) {
        if (!isSignedAs(line, vkey)) continue;
        const cosignature = verifyCosignature(text, line, vkey, verify);
        if (cosignature instanceof Fault) return undefined;
        const { timeSeconds } = cosignature;
        if (best === undefined || timeSeconds > best.timeSeconds) best = { line, timeSeconds };
      }
      if (best !== undefined) newest.push(best.line);
    }
    return newest;
  }

  /** Counts a note whose lines hold. The log shows the first of a size that meets the quorum, before anybody hears. */
  async #count(size: number, note: string): Promise<void> {
    const verified = this.#verified(note);
    if (verified.length === 0) return;
    this.#notes.set(size, note);
    for (const { witness, timeSeconds } of verified) {
      const latest = this.#latest.get(witness);
      if (latest === undefined || latest.size <= size)
        this.#latest.set(witness, { size, timeSeconds });
    }
    const isNewer = this.#cosignedSize === undefined || size > this.#cosignedSize;
    const signers = verified.map(({ witness }) => witness.vkey);
    if (!this.hasQuorum || !isNewer || !quorumMet(this.#parts.policy, signers)) return;
    await this.#parts.log.show(note, size);
    this.#cosignedSize = size;
    for (const listener of this.#listeners) listener(size);
  }

  /** The cosignatures on a note of this log. */
  #verified(note: string): { witness: PolicyWitness; timeSeconds: number }[] {
    const { log, policy, verify } = this.#parts;
    const keys = [...logVkeys(log.state), ...policy.witnesses.map(({ vkey }) => vkey)];
    const opened = openCheckpoint(note, keys, verify);
    if (opened instanceof Fault) return [];
    return opened.cosignatures.map(({ vkey, timeSeconds }) => {
      const witness = policy.witnesses.find((each) => each.vkey === vkey)!;
      return { witness, timeSeconds };
    });
  }

  /** Forgets notes below the newest that meets the quorum, and the oldest of too many above. */
  async #collect(): Promise<void> {
    const { files, folder } = this.#parts;
    const least = this.#cosignedSize ?? 0;
    const sizes = [...this.#notes.keys()].sort((a, b) => a - b);
    const pending = sizes.filter((size) => size > least);
    const tooMany = pending.slice(0, Math.max(0, pending.length - PENDING_NOTES_MAX));
    for (const size of [...sizes.filter((each) => each < least), ...tooMany]) {
      this.#notes.delete(size);
      await files.remove(`${folder}/${size}`);
    }
  }
}
