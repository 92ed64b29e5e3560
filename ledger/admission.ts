/**
 * Admission: whether an entry may follow, and what it changes (docs/formats.md, sections 3, 4, 6, 7 and 11).
 *
 * The one judge of hub, peer, auditor and simulation. `judge` reads the state and changes nothing; `apply` changes it
 * and decides nothing. Checks stand in the order of section 11, so that all verifiers refuse with the same code.
 */

import { equalBytes } from "./bytes.ts";
import { Refusal } from "./errors.ts";
import { judgeGenesis, judgePayload } from "./admission-payload.ts";
import type { Effect } from "./admission-payload.ts";
import type { Kind, Role } from "./kinds/kind.ts";
import { decodeGap } from "./kinds/gap.ts";
import type { LogState } from "./log-state.ts";
import { leafHash } from "./merkle.ts";
import { freshKey, profileOf } from "./registry.ts";
import type { KeyState } from "./registry.ts";
import { ZERO_HASH } from "./sha256.ts";
import type { Hash } from "./sha256.ts";
import type { Verify } from "./signature.ts";
import { decodeStatement, signedBytes } from "./statement.ts";
import type { Statement } from "./statement.ts";

/** What judging needs besides the state. */
export interface Judgement {
  /** The rule of signatures, over whichever backend. */
  readonly verify: Verify;
  /** The bytes of an earlier entry; asked for by erasures only. `undefined` where there is none. */
  readonly entry: (index: number) => Uint8Array | undefined;
}

/** An entry that may follow: which one, where, and what it changes. Holds for the state it was judged against. */
export interface Admission {
  readonly index: number;
  readonly statement: Statement;
  readonly effect: Effect;
}

/** Judges `bytes` as the next entry of the log. Changes nothing. */
export function judge(
  state: LogState,
  bytes: Uint8Array | Statement,
  judgement: Judgement,
): Admission | Refusal {
  const statement = bytes instanceof Uint8Array ? decodeStatement(bytes) : bytes;
  if (statement instanceof Refusal) return statement;
  const index = state.size;
  if (index === 0) {
    const effect = judgeFirst(statement, judgement.verify);
    return effect instanceof Refusal ? effect : { index, statement, effect };
  }
  const key = judgeSpeaker(state, statement);
  if (key instanceof Refusal) return key;
  const chain = judgeChain(key, statement, judgement.verify);
  if (chain !== undefined) return chain;
  const effect = judgePayload(state, key, statement, judgement);
  return effect instanceof Refusal ? effect : { index, statement, effect };
}

/** Judges entry 0, whose payload brings the key that it is signed with. */
function judgeFirst(statement: Statement, verify: Verify): Effect | Refusal {
  if (statement.kind !== "genesis") return new Refusal("bad-block", "entry 0 must be genesis");
  const effect = judgeGenesis(statement, verify);
  if (effect instanceof Refusal) return effect;
  const hub = freshKey(
    { publicKey: effect.genesis.hub, name: "hub", role: "hub" },
    { index: 0, hash: ZERO_HASH },
  );
  if (statement.kid !== hub.kid) return unknownKey(statement);
  const refusal = judgeStanding(hub, statement, false) ?? judgeChain(hub, statement, verify);
  return refusal ?? effect;
}

/** Checks who speaks and about what: key known, key live, issuer, role, stream. */
export function judgeSpeaker(state: LogState, statement: Statement): KeyState | Refusal {
  const key = state.registry.key(statement.kid);
  if (key === undefined) return unknownKey(statement);
  if (key.revoked !== undefined && statement.seq > key.revoked.last) {
    return new Refusal("revoked-key", `the key may speak up to seq ${key.revoked.last} only`);
  }
  return judgeStanding(key, statement, state.hasRegistrars) ?? key;
}

function unknownKey(statement: Statement): Refusal {
  return new Refusal("unknown-key", `no key ${statement.kid} is enrolled in this log`);
}

function judgeStanding(
  key: KeyState,
  statement: Statement,
  hasRegistrars: boolean,
): Refusal | undefined {
  const { issuer, kind, stream } = statement;
  if (issuer !== key.name) {
    return new Refusal("wrong-issuer", `the key belongs to ${key.name}, not to ${issuer}`);
  }
  if (!maySay(key.role, kind, hasRegistrars)) {
    return new Refusal("wrong-role", `a ${key.role} may not say ${kind} in this log`);
  }
  if (!fitsStream(key, statement, hasRegistrars)) {
    return new Refusal("wrong-stream", `${key.name} may not say ${kind} on stream ${stream}`);
  }
  return undefined;
}

function maySay(role: Role, kind: Kind, hasRegistrars: boolean): boolean {
  switch (kind) {
    case "gap":
      return true;
    case "readings":
    case "salted":
    case "clip":
      return role === "device";
    case "genesis":
    case "seal":
    case "rekey":
    case "rules":
      return role === "hub";
    case "enrol":
    case "revoke":
      return isRegistrar(role, hasRegistrars);
    case "grant":
    case "withdraw":
      return role === "owner";
    case "erase":
      return role === "owner" || isRegistrar(role, hasRegistrars);
  }
}

function isRegistrar(role: Role, hasRegistrars: boolean): boolean {
  return role === "registrar" || (role === "hub" && !hasRegistrars);
}

/** The streams on which a signer that is no device speaks, and so may leave out numbers. */
function streamsOf(role: Exclude<Role, "device">, hasRegistrars: boolean): readonly string[] {
  if (role === "owner") return ["rights"];
  if (role === "registrar") return ["registry", "rights"];
  return hasRegistrars ? ["log"] : ["log", "registry", "rights"];
}

function fitsStream(key: KeyState, statement: Statement, hasRegistrars: boolean): boolean {
  const { kind, stream } = statement;
  const { device } = key;
  if (device !== undefined) {
    if (kind === "readings" && device.visibility !== "public") return false;
    if (kind === "salted" && device.visibility !== "restricted") return false;
    return device.streams.includes(stream);
  }
  switch (kind) {
    case "genesis":
    case "seal":
    case "rekey":
    case "rules":
      return stream === "log";
    case "enrol":
    case "revoke":
      return stream === "registry";
    case "grant":
    case "withdraw":
    case "erase":
      return stream === "rights";
    default:
      return key.role !== "device" && streamsOf(key.role, hasRegistrars).includes(stream);
  }
}

/** Checks the signature, `prev` and `seq`, the last of a gap together with its payload. */
export function judgeChain(
  key: KeyState,
  statement: Statement,
  verify: Verify,
): Refusal | undefined {
  if (!verify(key.publicKey, signedBytes(statement), statement.signature)) {
    return new Refusal("bad-signature", `the signature does not hold for key ${key.kid}`);
  }
  const next = key.lastSeq + 1;
  if (!equalBytes(statement.prev, key.lastHash)) {
    return new Refusal(
      "broken-chain",
      `prev must be the hash of statement ${key.lastSeq} of this key`,
    );
  }
  if (statement.kind === "gap") return judgeGap(statement, next);
  if (statement.seq !== next) {
    return new Refusal("broken-chain", `expected seq ${next}, got ${statement.seq}`);
  }
  return undefined;
}

function judgeGap(statement: Statement, next: number): Refusal | undefined {
  const gap = decodeGap(statement.payload);
  if (gap instanceof Refusal) return gap;
  if (gap.from !== next || gap.to < gap.from || statement.seq !== gap.to + 1) {
    return new Refusal("broken-chain", `a gap goes from ${next} to one before its own seq`);
  }
  return undefined;
}

/**
 * Makes an admission part of the state and gives the entry's leaf hash.
 *
 * The admission must come from `judge` with this very state and nothing applied since; throws otherwise.
 */
export function apply(state: LogState, admission: Admission): Hash {
  const { index, statement, effect } = admission;
  if (index !== state.size) throw new Error(`admission for index ${index} at size ${state.size}`);
  const leaf = leafHash(statement.bytes);
  state.frontier.push(leaf);
  if (effect.kind === "genesis") applyGenesis(state, effect, statement.hash);
  const speaker = state.registry.key(statement.kid)!;
  speaker.lastSeq = statement.seq;
  speaker.lastHash = statement.hash;
  speaker.lastIat = statement.iat;
  state.latestIat = Math.max(state.latestIat, statement.iat);
  applyEffect(state, admission, speaker);
  return leaf;
}

function applyGenesis(state: LogState, effect: Effect & { kind: "genesis" }, hash: Hash): void {
  const { genesis } = effect;
  state.origin = genesis.origin;
  state.blockSeconds = genesis.blockSeconds;
  state.hasRegistrars = genesis.registrars.length > 0;
  state.hub = freshKey({ publicKey: genesis.hub, name: "hub", role: "hub" }, { index: 0, hash });
  state.registry.add(state.hub);
  for (const { name, key } of genesis.registrars) {
    state.registry.add(freshKey({ publicKey: key, name, role: "registrar" }, { index: 0, hash }));
  }
}

function applyEffect(state: LogState, admission: Admission, speaker: KeyState): void {
  const { index, statement, effect } = admission;
  const at = { index, hash: statement.hash };
  switch (effect.kind) {
    case "seal":
      state.head = { ...at, height: effect.seal.height, timeMs: effect.seal.timeMs };
      state.latestIat = 0;
      return;
    case "rekey":
      state.registry.revoke(speaker, index, statement.seq);
      state.hub = freshKey({ publicKey: effect.rekey.key, name: "hub", role: "hub" }, at);
      state.registry.add(state.hub);
      return;
    case "enrol": {
      const { key: publicKey, name, role } = effect.enrol;
      const device = profileOf(effect.enrol);
      state.registry.add(freshKey({ publicKey, name, role, device }, at));
      return;
    }
    case "revoke":
      state.registry.revoke(effect.key, index, effect.last);
      return;
    default:
      return;
  }
}

/** Judges and, if it may follow, applies. */
export function admit(
  state: LogState,
  bytes: Uint8Array | Statement,
  judgement: Judgement,
): Admission | Refusal {
  const admission = judge(state, bytes, judgement);
  if (!(admission instanceof Refusal)) apply(state, admission);
  return admission;
}
