/**
 * The signer's side of a chain: each statement takes the next `seq` and names the one before (docs/formats.md, section 3).
 *
 * Signing and putting into the outbox are one synchronous step, so that no number is given out twice; where the chain
 * stands is the outbox's to know.
 */

import { encodeGap } from "../../ledger/kinds/gap.ts";
import type { Reason } from "../../ledger/kinds/reason.ts";
import type { Hash } from "../../ledger/sha256.ts";
import type { Signer } from "../../ledger/signature.ts";
import { signStatement } from "../../ledger/statement.ts";
import type { Draft, Statement } from "../../ledger/statement.ts";
import type { Outbox } from "../outbox/outbox.ts";

/** What stays the same over a chain. */
export interface ChainParts {
  readonly issuer: string;
  readonly signer: Signer;
  readonly outbox: Outbox;
}

/** A gap to be signed: everything from `from` on is left out, and `prev` is the hash at `from - 1`. */
export interface GapDraft {
  readonly from: number;
  readonly prev: Hash;
  readonly reason: Reason;
  readonly stream: string;
  /** POSIX seconds. */
  readonly iat: number;
  /** The statement that was refused, which is not signed anew. */
  readonly refused?: number;
}

/** See the head of the file. Nothing signed here is safe before the outbox has been flushed. */
export class Chain {
  private readonly parts: ChainParts;

  constructor(parts: ChainParts) {
    this.parts = parts;
  }

  /** Whether the next statement has to be a gap, because numbers were skipped. */
  get needsGap(): boolean {
    const tail = this.parts.outbox.tail;
    return tail !== undefined && tail.follows < tail.seq;
  }

  /** Whether anything can be signed yet: before the hub has named the enrolling entry there is no `prev`. */
  get isAnchored(): boolean {
    return this.parts.outbox.tail !== undefined;
  }

  /** Signs a draft. Throws `RangeError` before the chain is anchored, and where a gap is due. */
  sign(
    draft: Draft,
    extra: { readonly preimage?: Uint8Array; readonly replaces?: number } = {},
  ): Statement {
    const { issuer, signer, outbox } = this.parts;
    const tail = outbox.tail;
    if (tail === undefined || tail.follows < tail.seq)
      throw new RangeError("the chain is not whole");
    const statement = signStatement({ issuer, seq: tail.seq, prev: tail.prev }, draft, signer);
    outbox.add({ seq: statement.seq, statement: statement.bytes, ...extra });
    return statement;
  }

  /** Signs a gap that ends just before its own number. */
  signGap(draft: GapDraft): Statement {
    const { issuer, signer, outbox } = this.parts;
    const { from, prev, reason, stream, iat, refused } = draft;
    const seq = outbox.tail?.seq;
    if (seq === undefined || from >= seq)
      throw new RangeError("a gap leaves out at least one number");
    const payload = encodeGap({ from, to: seq - 1, reason });
    const statement = signStatement(
      { issuer, seq, prev },
      { kind: "gap", stream, iat, payload },
      signer,
    );
    const gap = refused === undefined ? { from } : { from, refused };
    outbox.add({ seq, statement: statement.bytes, gap });
    return statement;
  }
}
