/**
 * A log of which only some entries are known, judged by the rules of admission as far as they can be applied.
 *
 * What evidence is checked with. What the known entries leave open (the statement before, the seal before, the
 * revocation of an old key) is taken as the entry at hand says; everything else is judged as the hub judged it.
 */

import { judgePayload } from "./admission-payload.ts";
import type { Effect } from "./admission-payload.ts";
import { apply, judge, judgeChain, judgeSpeaker } from "./admission.ts";
import { Refusal } from "./errors.ts";
import { decodeEnrol } from "./kinds/enrol.ts";
import { decodeErase } from "./kinds/erase.ts";
import { decodeGap } from "./kinds/gap.ts";
import { decodeGrant } from "./kinds/grant.ts";
import { decodeRevoke } from "./kinds/revoke.ts";
import type { Revoke } from "./kinds/revoke.ts";
import { decodeSeal } from "./kinds/seal.ts";
import { decodeWithdraw } from "./kinds/withdraw.ts";
import { LogState } from "./log-state.ts";
import type { MerkleFrontier } from "./merkle.ts";
import type { KeyState } from "./registry.ts";
import type { Verify } from "./signature.ts";
import type { Statement } from "./statement.ts";

/** What a known entry means. Of a revocation only what it says: the key that it ends need not be known. */
export type KnownEffect =
  Exclude<Effect, { kind: "revoke" }> | { readonly kind: "revoke"; readonly revoke: Revoke };

/** A known entry that breaks no rule that can be applied to it. */
export interface KnownEntry {
  readonly index: number;
  readonly statement: Statement;
  readonly effect: KnownEffect;
  /** The key that signed. Its chain goes on changing with later entries. */
  readonly speaker: KeyState;
}

/** The known entries of one log, taken in ascending order of index, genesis first. */
export class PartialLog {
  readonly #state = new LogState();
  readonly #verify: Verify;
  #next = 0;

  constructor(verify: Verify) {
    this.#verify = verify;
  }

  /** The origin that genesis names; empty before genesis was taken. */
  get origin(): string {
    return this.#state.origin;
  }

  /** The key of this kid, if an entry taken so far brought it. */
  key(kid: string): KeyState | undefined {
    return this.#state.registry.key(kid);
  }

  /**
   * Judges the next known entry and takes it in.
   *
   * `before` is the frontier of all entries before it, and gives its index. For who owns what (grants, withdrawals,
   * erasures) and for the key that a revocation ends, other entries would be needed: of these kinds only signer, role,
   * stream, signature and shape are judged. Throws `RangeError` where `before` is not beyond the last entry taken.
   */
  take(statement: Statement, before: MerkleFrontier): KnownEntry | Refusal {
    const state = this.#state;
    const index = before.size;
    if (index < this.#next) throw new RangeError(`entry ${index} comes after ${this.#next - 1}`);
    this.#next = index + 1;
    state.frontier = before.copy();
    if (index === 0 || statement.kind === "genesis") return this.#takeFirst(statement);
    const speaker = judgeSpeaker(state, statement);
    if (speaker instanceof Refusal) return speaker;
    bridgeChain(speaker, statement);
    const refusal = judgeChain(speaker, statement, this.#verify) ?? this.#bridge(statement);
    if (refusal !== undefined) return refusal;
    const effect = this.#judgePayload(speaker, statement);
    return effect instanceof Refusal ? effect : this.#keep(index, statement, effect, speaker);
  }

  #takeFirst(statement: Statement): KnownEntry | Refusal {
    const admission = judge(this.#state, statement, { verify: this.#verify, entry: noEntry });
    if (admission instanceof Refusal) return admission;
    const effect = admission.effect as Effect & { kind: "genesis" };
    apply(this.#state, admission);
    return { index: 0, statement, effect, speaker: this.#state.hub! };
  }

  /** Fills in, from the entry itself, what entries that are not known would have changed before it. */
  #bridge(statement: Statement): Refusal | undefined {
    const { kind, payload } = statement;
    if (kind === "seal") return this.#bridgeSeals(payload);
    if (kind === "enrol") this.#bridgeRevocation(payload);
    return undefined;
  }

  #bridgeSeals(payload: Uint8Array): Refusal | undefined {
    const seal = decodeSeal(payload);
    if (seal instanceof Refusal) return seal;
    const { height, first, prev: hash } = seal;
    if (height === 0) return undefined;
    // Block 0 holds two entries, so no later block begins before index 2.
    if (first < 2) return new Refusal("bad-block", `block ${height} cannot begin at ${first}`);
    this.#state.head = { height: height - 1, index: first - 1, hash, timeMs: 0 };
    return undefined;
  }

  /** A name that is enrolled again had its old key revoked in between. */
  #bridgeRevocation(payload: Uint8Array): void {
    const enrol = decodeEnrol(payload);
    if (enrol instanceof Refusal) return;
    const old = this.#state.registry.liveKey(enrol.name);
    if (old === undefined || old.role === "hub") return;
    this.#state.registry.revoke(old, this.#state.size, Number.MAX_SAFE_INTEGER);
  }

  #judgePayload(speaker: KeyState, statement: Statement): KnownEffect | Refusal {
    switch (statement.kind) {
      case "grant": {
        const grant = decodeGrant(statement.payload);
        return grant instanceof Refusal ? grant : { kind: "grant", grant };
      }
      case "withdraw": {
        const withdraw = decodeWithdraw(statement.payload);
        return withdraw instanceof Refusal ? withdraw : { kind: "withdraw", withdraw };
      }
      case "erase": {
        const erase = decodeErase(statement.payload);
        return erase instanceof Refusal ? erase : { kind: "erase", erase };
      }
      case "revoke": {
        const revoke = decodeRevoke(statement.payload);
        return revoke instanceof Refusal ? revoke : { kind: "revoke", revoke };
      }
      default: {
        const judgement = { verify: this.#verify, entry: noEntry };
        // Only revocations give the effect that is left out.
        return judgePayload(this.#state, speaker, statement, judgement) as KnownEffect | Refusal;
      }
    }
  }

  #keep(index: number, statement: Statement, effect: KnownEffect, speaker: KeyState): KnownEntry {
    // A revocation changes only the key that it ends, and none of the entries to come needs that one.
    if (effect.kind === "revoke") apply(this.#state, { index, statement, effect: { kind: "gap" } });
    else apply(this.#state, { index, statement, effect });
    return { index, statement, effect, speaker };
  }
}

function noEntry(): undefined {
  return undefined;
}

/** Moves a key's chain to just before `statement`, where statements of that key in between are not known. */
function bridgeChain(key: KeyState, statement: Statement): void {
  const gap = statement.kind === "gap" ? decodeGap(statement.payload) : undefined;
  const seq = gap === undefined || gap instanceof Refusal ? statement.seq : gap.from;
  if (seq <= key.lastSeq + 1) return;
  key.lastSeq = seq - 1;
  key.lastHash = statement.prev;
}
