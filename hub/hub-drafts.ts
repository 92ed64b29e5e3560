/**
 * What the hub says of its own log: genesis, seals, and changes of its key (docs/formats.md, sections 4 and 6).
 *
 * Only words: the log signs them, and judges them like everybody else's.
 */

import { encodeGenesis } from "../ledger/kinds/genesis.ts";
import type { GenesisRegistrar } from "../ledger/kinds/genesis.ts";
import { provePossession } from "../ledger/kinds/possession.ts";
import { encodeRekey } from "../ledger/kinds/rekey.ts";
import { encodeSeal } from "../ledger/kinds/seal.ts";
import { CLOCK_AHEAD_SECONDS_MAX } from "../ledger/limits.ts";
import type { LogState } from "../ledger/log-state.ts";
import { ZERO_HASH } from "../ledger/sha256.ts";
import type { Signer } from "../ledger/signature.ts";
import type { Draft } from "../ledger/statement.ts";

/** What a new log is to be. */
export interface GenesisParts {
  readonly origin: string;
  readonly blockSeconds: number;
  /** Nobody: the hub itself enrols. */
  readonly registrars?: readonly GenesisRegistrar[] | undefined;
}

/** Drafts entry 0. `hub` is the hub's public key. */
export function draftGenesis(parts: GenesisParts, hub: Uint8Array, nowMs: number): Draft {
  const { origin, blockSeconds, registrars = [] } = parts;
  const payload = encodeGenesis({ v: 1, origin, createdMs: nowMs, hub, registrars, blockSeconds });
  return ofLog("genesis", payload, nowMs);
}

/** Drafts the seal over the open block of `state`. Its time never runs backwards, and follows what devices say. */
export function draftSeal(state: LogState, nowMs: number): Draft {
  const { head, size, firstOpen: first } = state;
  const latestIat = Math.max(state.latestIat, secondsOf(nowMs));
  const payload = encodeSeal({
    height: head === undefined ? 0 : head.height + 1,
    first,
    count: size - first,
    size,
    root: state.frontier.root(),
    prev: head?.hash ?? ZERO_HASH,
    timeMs: Math.max(nowMs, head?.timeMs ?? 0, (latestIat - CLOCK_AHEAD_SECONDS_MAX) * 1000),
  });
  return ofLog("seal", payload, nowMs);
}

/** Drafts the change of the hub's key to `next`, which proves that it is there. */
export function draftRekey(origin: string, next: Signer, nowMs: number): Draft {
  const pop = provePossession(origin, "hub", "hub", next);
  return ofLog("rekey", encodeRekey({ key: next.publicKey, pop }), nowMs);
}

function ofLog(kind: Draft["kind"], payload: Uint8Array, nowMs: number): Draft {
  return { kind, stream: "log", iat: secondsOf(nowMs), payload };
}

function secondsOf(ms: number): number {
  return Math.floor(ms / 1000);
}
