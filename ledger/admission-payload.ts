/**
 * What admission checks inside the payload of each kind, in the order of docs/formats.md, section 4.
 *
 * Called with statements whose signer, signature and chain hold; gives the effect of the statement or a refusal.
 */

import { encodeHex, equalBytes } from "./bytes.ts";
import { malformed, Refusal } from "./errors.ts";
import { judgeClip } from "./kinds/clip.ts";
import type { Clip } from "./kinds/clip.ts";
import { decodeEnrol } from "./kinds/enrol.ts";
import type { Enrol } from "./kinds/enrol.ts";
import { decodeErase } from "./kinds/erase.ts";
import type { Erase } from "./kinds/erase.ts";
import { decodeGenesis } from "./kinds/genesis.ts";
import type { Genesis } from "./kinds/genesis.ts";
import { decodeGrant } from "./kinds/grant.ts";
import type { Grant } from "./kinds/grant.ts";
import { holdsPossession } from "./kinds/possession.ts";
import { decodeRekey } from "./kinds/rekey.ts";
import type { Rekey } from "./kinds/rekey.ts";
import { decodeRevoke } from "./kinds/revoke.ts";
import { decodeRules } from "./kinds/rules.ts";
import { decodeSeal } from "./kinds/seal.ts";
import type { Seal } from "./kinds/seal.ts";
import { decodeWithdraw } from "./kinds/withdraw.ts";
import type { Withdraw } from "./kinds/withdraw.ts";
import { isTorsionFree, kidHex } from "./key.ts";
import { CLOCK_AHEAD_SECONDS_MAX } from "./limits.ts";
import type { LogState } from "./log-state.ts";
import { splitStream } from "./name.ts";
import type { KeyState } from "./registry.ts";
import { decodePack } from "./senml.ts";
import type { Pack } from "./senml.ts";
import { HASH_BYTES, ZERO_HASH } from "./sha256.ts";
import type { Verify } from "./signature.ts";
import { decodeStatement } from "./statement.ts";
import type { Statement } from "./statement.ts";

/** What an admitted statement means. Only some of these change the state. */
export type Effect =
  | { readonly kind: "genesis"; readonly genesis: Genesis }
  | { readonly kind: "readings"; readonly pack: Pack }
  | { readonly kind: "salted" }
  | { readonly kind: "clip"; readonly clip: Clip }
  | { readonly kind: "gap" }
  | { readonly kind: "seal"; readonly seal: Seal }
  | { readonly kind: "rekey"; readonly rekey: Rekey }
  | { readonly kind: "rules" }
  | { readonly kind: "enrol"; readonly enrol: Enrol }
  | { readonly kind: "revoke"; readonly key: KeyState; readonly last: number }
  | { readonly kind: "grant"; readonly grant: Grant }
  | { readonly kind: "withdraw"; readonly withdraw: Withdraw }
  | { readonly kind: "erase"; readonly erase: Erase };

/** The rules that this software knows. */
const RULES_VERSION = 1;

/** Judges the payload of genesis: shape, possession of every key, names and keys that clash. */
export function judgeGenesis(
  statement: Statement,
  verify: Verify,
): (Effect & { kind: "genesis" }) | Refusal {
  const genesis = decodeGenesis(statement.payload);
  if (genesis instanceof Refusal) return genesis;
  const { origin, registrars } = genesis;
  if (!isTorsionFree(genesis.hub)) return badPossession("hub");
  for (const { name, key, pop } of registrars) {
    if (!holdsPossession({ origin, name, role: "registrar", key, pop }, verify)) {
      return badPossession(name);
    }
  }
  const names = new Set(["hub", ...registrars.map(({ name }) => name)]);
  const kids = new Set([genesis.hub, ...registrars.map(({ key }) => key)].map(kidHex));
  if (names.size <= registrars.length || kids.size <= registrars.length) {
    return new Refusal(
      "taken",
      "two registrars of genesis share a name or a key, or one is the hub's",
    );
  }
  return { kind: "genesis", genesis };
}

/** Judges the payload of any later statement. */
export function judgePayload(
  state: LogState,
  speaker: KeyState,
  statement: Statement,
  judgement: { verify: Verify; entry: (index: number) => Uint8Array | undefined },
): Effect | Refusal {
  switch (statement.kind) {
    case "readings":
      return judgeReadings(statement);
    case "salted":
      return statement.payload.length === HASH_BYTES
        ? { kind: "salted" }
        : malformed(`the payload of a hash envelope has ${HASH_BYTES} bytes`);
    case "clip":
      return judgeRecording(statement);
    case "gap":
      return { kind: "gap" };
    case "seal":
      return judgeSeal(state, statement);
    case "rekey":
      return judgeRekey(state, statement, judgement.verify);
    case "rules":
      return judgeRules(statement);
    case "enrol":
      return judgeEnrol(state, statement, judgement.verify);
    case "revoke":
      return judgeRevoke(state, statement);
    case "grant":
      return judgeGrant(state, statement);
    case "withdraw":
      return judgeWithdraw(state, statement);
    case "erase":
      return judgeErase(state, speaker, statement, judgement.entry);
    case "genesis":
      return new Refusal("bad-block", "genesis is entry 0 and only there");
  }
}

function judgeReadings(statement: Statement): Effect | Refusal {
  const pack = decodePack(statement.payload, statement.issuer, statement.iat);
  return pack instanceof Refusal ? pack : { kind: "readings", pack };
}

function judgeRecording(statement: Statement): Effect | Refusal {
  const clip = judgeClip(statement.payload, statement.iat);
  return clip instanceof Refusal ? clip : { kind: "clip", clip };
}

/** Checks that a seal closes the open block and follows the seal before (section 6). */
function judgeSeal(state: LogState, statement: Statement): Effect | Refusal {
  const seal = decodeSeal(statement.payload);
  if (seal instanceof Refusal) return seal;
  const { head, size } = state;
  const height = head === undefined ? 0 : head.height + 1;
  const latestIat = Math.max(state.latestIat, statement.iat);
  const wrong =
    (seal.height !== height && `height ${height}`) ||
    (height === 0 && size !== 1 && "block 0 to be genesis and its seal") ||
    (seal.first !== state.firstOpen && `first ${state.firstOpen}`) ||
    (seal.size !== size && `size ${size}`) ||
    (seal.count !== size - seal.first && `count ${size - seal.first}`) ||
    (!equalBytes(seal.prev, head?.hash ?? ZERO_HASH) && "prev to be the hash of the seal before") ||
    (seal.timeMs < (head?.timeMs ?? 0) && "a time not before the seal before") ||
    (seal.timeMs + CLOCK_AHEAD_SECONDS_MAX * 1000 < latestIat * 1000 &&
      `a time at most ${CLOCK_AHEAD_SECONDS_MAX} s before the latest statement`) ||
    (!equalBytes(seal.root, state.frontier.root()) && "the root over all entries before");
  return wrong ? new Refusal("bad-block", `seal: expected ${wrong}`) : { kind: "seal", seal };
}

function judgeRekey(state: LogState, statement: Statement, verify: Verify): Effect | Refusal {
  const rekey = decodeRekey(statement.payload);
  if (rekey instanceof Refusal) return rekey;
  const { key, pop } = rekey;
  if (!holdsPossession({ origin: state.origin, name: "hub", role: "hub", key, pop }, verify)) {
    return badPossession("hub");
  }
  if (state.registry.key(kidHex(key)) !== undefined) return keyTaken();
  return { kind: "rekey", rekey };
}

function judgeRules(statement: Statement): Effect | Refusal {
  const rules = decodeRules(statement.payload);
  if (rules instanceof Refusal) return rules;
  if (rules.v !== RULES_VERSION) {
    return new Refusal("too-new", `rules version ${rules.v}; this software knows ${RULES_VERSION}`);
  }
  return { kind: "rules" };
}

function judgeEnrol(state: LogState, statement: Statement, verify: Verify): Effect | Refusal {
  const enrol = decodeEnrol(statement.payload);
  if (enrol instanceof Refusal) return enrol;
  const { name, role, key, pop } = enrol;
  if (!holdsPossession({ origin: state.origin, name, role, key, pop }, verify)) {
    return badPossession(name);
  }
  if (state.registry.liveKey(name) !== undefined || name === "hub") {
    return new Refusal("taken", `${name} has a live key; revoke it first`);
  }
  return state.registry.key(kidHex(key)) === undefined ? { kind: "enrol", enrol } : keyTaken();
}

function judgeRevoke(state: LogState, statement: Statement): Effect | Refusal {
  const revoke = decodeRevoke(statement.payload);
  if (revoke instanceof Refusal) return revoke;
  const key = state.registry.key(encodeHex(revoke.kid));
  const mayGo =
    key !== undefined &&
    key.role !== "hub" &&
    key.name === revoke.name &&
    key.revoked === undefined;
  if (!mayGo) {
    return new Refusal("unknown-key", `${revoke.name} has no live key of that kid to revoke`);
  }
  // Of a registrar that revokes itself, this very statement is the last admitted.
  const lastAdmitted = key.kid === statement.kid ? statement.seq : key.lastSeq;
  return { kind: "revoke", key, last: Math.max(revoke.last ?? -1, lastAdmitted) };
}

function judgeGrant(state: LogState, statement: Statement): Effect | Refusal {
  const grant = decodeGrant(statement.payload);
  if (grant instanceof Refusal) return grant;
  return judgeOwner(state, grant.stream, statement.issuer) ?? { kind: "grant", grant };
}

function judgeWithdraw(state: LogState, statement: Statement): Effect | Refusal {
  const withdraw = decodeWithdraw(statement.payload);
  if (withdraw instanceof Refusal) return withdraw;
  return judgeOwner(state, withdraw.stream, statement.issuer) ?? { kind: "withdraw", withdraw };
}

function judgeOwner(state: LogState, stream: string, issuer: string): Refusal | undefined {
  const device = splitStream(stream)?.device ?? "";
  return state.registry.liveKey(device)?.device?.owner === issuer ? undefined : notOwner(device);
}

function judgeErase(
  state: LogState,
  speaker: KeyState,
  statement: Statement,
  entry: (index: number) => Uint8Array | undefined,
): Effect | Refusal {
  const erase = decodeErase(statement.payload);
  if (erase instanceof Refusal) return erase;
  const hidden = erase.entry < state.size ? hiddenIn(state, entry(erase.entry)) : undefined;
  if (hidden === undefined || !equalBytes(hidden.hash, erase.hash)) {
    return malformed(`erase: entry ${erase.entry} does not hide that hash`);
  }
  if (speaker.role === "owner" && hidden.owner !== speaker.name) return notOwner(hidden.device);
  return { kind: "erase", erase };
}

/** What an admitted entry hides, and whose it is; `undefined` where it hides nothing. */
function hiddenIn(
  state: LogState,
  entry: Uint8Array | undefined,
): { hash: Uint8Array; device: string; owner: string | undefined } | undefined {
  const statement = entry && decodeStatement(entry);
  if (statement === undefined || statement instanceof Refusal) return undefined;
  if (statement.kind === "salted") {
    const owner = state.registry.key(statement.kid)?.device?.owner;
    return { hash: statement.payload, device: statement.issuer, owner };
  }
  const enrol = statement.kind === "enrol" ? decodeEnrol(statement.payload) : undefined;
  if (enrol === undefined || enrol instanceof Refusal) return undefined;
  if (enrol.role !== "device" || enrol.visibility !== "restricted") return undefined;
  return { hash: enrol.private, device: enrol.name, owner: enrol.owner };
}

function badPossession(name: string): Refusal {
  return new Refusal(
    "bad-possession",
    `nobody has shown to hold the key that is to become ${name}'s, or it has a torsion component`,
  );
}

function keyTaken(): Refusal {
  return new Refusal(
    "taken",
    "this key was enrolled before; a key is enrolled once in a log's life",
  );
}

function notOwner(device: string): Refusal {
  return new Refusal("not-owner", `${device || "the device"} is not a live device of this owner`);
}
