/** The shared vectors of a whole small log and of what must be refused, with their bytes decoded. */

import { decodeHex } from "../../ledger/bytes.ts";
import { admit } from "../../ledger/admission.ts";
import { LogState } from "../../ledger/log-state.ts";
import { Refusal } from "../../ledger/errors.ts";
import { nobleVerify } from "../../ledger/signature.ts";
import { sharedJson } from "./shared-data.ts";

export const SMALL_LOG = "vectors/small-log.json";
export const REFUSED = "vectors/refused.json";

export interface SmallLogEntry {
  readonly index: number;
  readonly desc: string;
  readonly payload: string;
  readonly toBeSigned: string;
  readonly entry: string;
  readonly entryHash: string;
  readonly leafHash: string;
}

export interface SmallLog {
  readonly origin: string;
  readonly keys: readonly {
    readonly name: string;
    readonly seed: string;
    readonly public: string;
    readonly thumbprint: string;
    readonly kid: string;
  }[];
  readonly popText: string;
  readonly bodies: readonly { readonly entry: number; readonly preimage: string }[];
  readonly entries: readonly SmallLogEntry[];
  readonly checkpoints: readonly { readonly size: number; readonly root: string }[];
}

export interface RefusedCase {
  readonly desc: string;
  readonly after: number;
  readonly entry: string;
  readonly code: string;
}

export function readSmallLog(): SmallLog {
  return sharedJson<SmallLog>(SMALL_LOG);
}

export function readRefused(): readonly RefusedCase[] {
  return sharedJson<{ cases: RefusedCase[] }>(REFUSED).cases;
}

export function hex(text: string): Uint8Array<ArrayBuffer> {
  const bytes = decodeHex(text);
  if (bytes === undefined) throw new RangeError("not lower-case hex");
  return bytes;
}

/** Admits the first `count` entries of the small log and gives the state after them. */
export function stateAfter(log: SmallLog, count: number): LogState {
  const state = new LogState();
  for (const { index, entry } of log.entries.slice(0, count)) {
    const admission = admit(state, hex(entry), { verify: nobleVerify, entry: entryOf(log) });
    if (admission instanceof Refusal) {
      throw new Error(`entry ${index}: ${admission.code}: ${admission.text}`);
    }
  }
  return state;
}

/** Looks entries of the small log up by index. */
export function entryOf(log: SmallLog): (index: number) => Uint8Array | undefined {
  return (index) => {
    const found = log.entries[index];
    return found && hex(found.entry);
  };
}
