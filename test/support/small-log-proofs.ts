/** The part of the small log's vectors that speaks of trees, notes, receipts and evidence. */
import { parseVkey } from "../../ledger/note.ts";
import type { Vkey } from "../../ledger/note.ts";
import { Fault } from "../../ledger/fault.ts";
import { nobleSigner } from "../../ledger/signature.ts";
import type { Signer } from "../../ledger/signature.ts";
import { sharedJson } from "./shared-data.ts";
import { hex, SMALL_LOG } from "./small-log.ts";
import type { SmallLog } from "./small-log.ts";

export interface SmallLogProofs extends SmallLog {
  readonly vkeys: { readonly log: string; readonly logAfterRekey: string; readonly peer: string };
  readonly checkpoints: readonly {
    readonly size: number;
    readonly root: string;
    readonly note: string;
    readonly cosigned: string;
  }[];
  readonly proofs: readonly {
    readonly index: number;
    readonly path: readonly string[];
    readonly tlogProof: string;
    readonly coseReceipt: string;
  }[];
  readonly transparentStatementOfEntry3: string;
  readonly evidenceOfEntry3: {
    readonly kerbstone: string;
    readonly checkpoint: string;
    readonly entries: readonly { index: number; entry: string; path: readonly string[] }[];
  };
  readonly consistency: readonly { first: number; second: number; proof: readonly string[] }[];
}

export function readSmallLogProofs(): SmallLogProofs {
  return sharedJson<SmallLogProofs>(SMALL_LOG);
}

/** The entries' bytes, in order. */
export function entriesOf(log: SmallLog): Uint8Array[] {
  return log.entries.map(({ entry }) => hex(entry));
}

/** Makes the signer of one of the vectors' keys. */
export function signerOf(log: SmallLog, name: string): Signer {
  const key = log.keys.find((candidate) => candidate.name === name);
  if (key === undefined) throw new RangeError(`the small log has no key of ${name}`);
  return nobleSigner(hex(key.seed));
}

/** Takes the value out of a result that must not be a fault. */
export function must<T>(result: T | Fault): T {
  if (result instanceof Fault) throw new Error(`${result.code}: ${result.text}`);
  return result;
}

export function vkey(text: string): Vkey {
  return must(parseVkey(text));
}

/** The code of a fault, or what else was given. */
export function codeOf(result: unknown): unknown {
  return result instanceof Fault ? result.code : result;
}
