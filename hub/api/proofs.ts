/**
 * Proofs of sealed entries: tlog-proof, COSE receipt, evidence (docs/formats.md, section 9).
 *
 * Made when asked for, from the tree and the newest checkpoint that does: one that the quorum has cosigned, where the
 * entry is below it, else the hub's own.
 */

import { parseCheckpoint } from "../../ledger/checkpoint.ts";
import type { Checkpoint } from "../../ledger/checkpoint.ts";
import { buildEvidence } from "../../ledger/evidence.ts";
import { formatEvidence } from "../../ledger/evidence-file.ts";
import { Fault } from "../../ledger/fault.ts";
import { inclusionPath } from "../../ledger/merkle.ts";
import { formatProof } from "../../ledger/proof.ts";
import type { CosignedView } from "../admission/acks.ts";
import type { HubLog } from "../log.ts";
import { Problem } from "./problem.ts";

/** What proofs are made of. */
export interface ProofParts {
  readonly log: HubLog;
  /** Absent without a quorum. */
  readonly cosigned: Pick<CosignedView, "cosignedSize" | "noteAt"> | undefined;
  readonly nowMs: () => number;
}

/** Makes the proofs of one log. */
export class Proofs {
  readonly #parts: ProofParts;

  constructor(parts: ProofParts) {
    this.#parts = parts;
  }

  /** Writes the tlog-proof of an entry. */
  async proof(index: number): Promise<string | Problem> {
    const checkpoint = this.#checkpointOver(index);
    if (checkpoint instanceof Problem) return checkpoint;
    const { note, size } = checkpoint;
    const path = await inclusionPath(index, size, this.#parts.log.nodes);
    return formatProof({ index, path, checkpoint: note });
  }

  /** Signs the receipt of an entry, over the newest checkpoint. */
  async receipt(index: number): Promise<Uint8Array | Problem> {
    const { log } = this.#parts;
    const checkpoint = this.#newest(index);
    if (checkpoint instanceof Problem) return checkpoint;
    const path = await inclusionPath(index, checkpoint.size, log.nodes);
    return log.signReceipt(checkpoint, index, path);
  }

  /** Writes the evidence file of an entry. */
  async evidence(index: number): Promise<string | Problem> {
    const { log } = this.#parts;
    const checkpoint = this.#checkpointOver(index);
    if (checkpoint instanceof Problem) return checkpoint;
    const evidence = await buildEvidence(index, {
      checkpoint: checkpoint.note,
      nodes: log.nodes,
      rekeys: [...log.state.registry.all()]
        .filter(({ role, enrolledAt }) => role === "hub" && enrolledAt > 0)
        .map(({ enrolledAt }) => enrolledAt),
      entry: async (at) => known(await log.entry(at), at),
      sealOf: async (at) => known(await log.blockOf(at), at).index,
      enrolledAt: (kid) => log.state.registry.key(kid)?.enrolledAt,
    });
    return formatEvidence(evidence);
  }

  /** Seconds until the open block should be sealed. */
  sealDueSeconds(): number {
    const { log, nowMs } = this.#parts;
    const { head, blockSeconds } = log.state;
    const dueMs = (head?.timeMs ?? 0) + blockSeconds * 1000 - nowMs();
    return Math.min(Math.max(Math.ceil(dueMs / 1000), 1), blockSeconds);
  }

  /** The best checkpoint that an entry is below. */
  #checkpointOver(index: number): { note: string; size: number } | Problem {
    const { cosigned } = this.#parts;
    const size = cosigned?.cosignedSize();
    const note = size === undefined ? undefined : cosigned?.noteAt(size);
    if (size !== undefined && note !== undefined && index < size) return { note, size };
    return this.#newest(index);
  }

  #newest(index: number): (Checkpoint & { note: string }) | Problem {
    const { log } = this.#parts;
    const size = log.sealedSize;
    if (index >= log.state.size) return new Problem("not-found", `there is no entry ${index}`);
    if (index >= size) {
      const text = `entry ${index} is stored and will be sealed with the next block`;
      return new Problem("not-sealed", text, this.sealDueSeconds());
    }
    const note = log.checkpointAt(size);
    const checkpoint = note === undefined ? undefined : parseCheckpoint(note);
    if (note === undefined || checkpoint === undefined || checkpoint instanceof Fault) {
      throw new Error(`the log lacks its checkpoint of size ${size}`);
    }
    const { origin, root } = checkpoint;
    return { origin, size, root, note };
  }
}

function known<T>(value: T | undefined, index: number): T {
  if (value === undefined) throw new Error(`entry ${index} of the log is missing`);
  return value;
}
