/** What a correct hub does with one device's statements, as a plain model: for tests of the device's side. */
import { encodeHex, equalBytes } from "../../../ledger/bytes.ts";
import type { RefusalCode } from "../../../ledger/errors.ts";
import { Refusal } from "../../../ledger/errors.ts";
import { decodeGap } from "../../../ledger/kinds/gap.ts";
import { asHash } from "../../../ledger/sha256.ts";
import type { Hash } from "../../../ledger/sha256.ts";
import type { Statement } from "../../../ledger/statement.ts";
import type { Ack, Nack } from "../../../platform/ack.ts";

/** Keeps a chain and answers. */
export class ModelHub {
  readonly kid: string;
  /** What was admitted, in order. */
  chain: Statement[] = [];
  sealed = -1;
  readonly #enrolled: Hash;

  constructor(kid: string, enrolled: Hash = asHash(new Uint8Array(32).fill(1))) {
    this.kid = kid;
    this.#enrolled = enrolled;
  }

  get stored(): number {
    return this.chain.at(-1)?.seq ?? -1;
  }

  ack(changes: Partial<Ack> = {}): Ack {
    const hash = this.chain.at(-1)?.hash ?? this.#enrolled;
    return {
      kid: this.kid,
      stored: this.stored,
      hash,
      sealed: this.sealed,
      bodies: -1,
      ...changes,
    };
  }

  /** Decides; gives a nack where it refuses. `refuse` is what a statement is to be refused for, whatever it says. */
  decide(statement: Statement, refuse?: RefusalCode): Nack | undefined {
    const known = this.chain.find(({ seq }) => seq === statement.seq);
    if (known !== undefined && equalBytes(known.hash, statement.hash)) return undefined;
    const code = this.#fits(statement) ? refuse : "broken-chain";
    if (code !== undefined) return this.nack(statement, code);
    this.chain.push(statement);
    return undefined;
  }

  nack({ seq, hash }: Statement, code: RefusalCode): Nack {
    return { kid: this.kid, seq, hash, code, text: "", expected: this.stored + 1 };
  }

  #fits({ seq, prev, kind, payload }: Statement): boolean {
    if (!equalBytes(prev, this.ack().hash)) return false;
    if (kind !== "gap") return seq === this.stored + 1;
    const gap = decodeGap(payload);
    return !(gap instanceof Refusal) && gap.from === this.stored + 1 && seq === gap.to + 1;
  }
}

/** An ack as the hub writes it. */
export function ackBody(ack: Ack): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ ...ack, hash: encodeHex(ack.hash) }));
}
