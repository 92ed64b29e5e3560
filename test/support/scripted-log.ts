/**
 * A small log, written by a test line by line: every entry is signed, and admitted unless the test says otherwise.
 *
 * `forge` is for the hub that the tests do not trust: it appends what admission would refuse.
 */
import { admit } from "../../ledger/admission.ts";
import { signCheckpoint } from "../../ledger/checkpoint.ts";
import { Refusal } from "../../ledger/errors.ts";
import type { EvidenceSource } from "../../ledger/evidence.ts";
import { kidHex } from "../../ledger/key.ts";
import { encodeEnrol } from "../../ledger/kinds/enrol.ts";
import type { Enrol } from "../../ledger/kinds/enrol.ts";
import { encodeGenesis } from "../../ledger/kinds/genesis.ts";
import { provePossession } from "../../ledger/kinds/possession.ts";
import { encodeRekey } from "../../ledger/kinds/rekey.ts";
import { encodeSeal } from "../../ledger/kinds/seal.ts";
import type { Seal } from "../../ledger/kinds/seal.ts";
import { LogState } from "../../ledger/log-state.ts";
import { leafHash, MerkleFrontier } from "../../ledger/merkle.ts";
import { encodePack } from "../../ledger/senml.ts";
import { sha256, ZERO_HASH } from "../../ledger/sha256.ts";
import type { Hash } from "../../ledger/sha256.ts";
import { nobleSigner, nobleVerify } from "../../ledger/signature.ts";
import type { Signer } from "../../ledger/signature.ts";
import { decodeStatement, signStatement } from "../../ledger/statement.ts";
import type { Draft } from "../../ledger/statement.ts";
import { referenceNodes } from "./reference-tree.ts";

export const ORIGIN = "log.example/scripted";
const START_SECONDS = 1_767_225_600;

/** Makes the signer of a name: the same one each time. */
export function actor(name: string): Signer {
  return nobleSigner(sha256(new TextEncoder().encode(name)));
}

/** Who speaks: the name it gives, and the key it signs with. */
export interface Voice {
  readonly name: string;
  readonly signer: Signer;
}

export function voice(name: string, key: string = name): Voice {
  return { name, signer: actor(key) };
}

export class ScriptedLog {
  readonly entries: Uint8Array[] = [];
  readonly state: LogState = new LogState();
  hub: Voice;
  iat: number = START_SECONDS;
  private readonly chains = new Map<string, { seq: number; prev: Hash }>();
  private readonly enrolments = new Map<string, number>();
  private readonly rekeys: number[] = [];
  private readonly seals: { index: number; seal: Seal; hash: Hash }[] = [];

  constructor(registrars: readonly Voice[], origin: string = ORIGIN) {
    this.hub = voice("hub");
    this.bring(this.hub, ZERO_HASH);
    const payload = encodeGenesis({
      v: 1,
      origin,
      createdMs: this.iat * 1000,
      hub: this.hub.signer.publicKey,
      registrars: registrars.map(({ name, signer }) => ({
        name,
        key: signer.publicKey,
        pop: provePossession(origin, name, "registrar", signer),
      })),
      blockSeconds: 300,
    });
    this.say(this.hub, "genesis", "log", payload);
    for (const registrar of registrars) this.bring(registrar, sha256(this.entries[0]!));
  }

  /** Appends a statement and gives its index. Throws where admission refuses it. */
  say(by: Voice, kind: Draft["kind"], stream: string, payload: Uint8Array): number {
    const bytes = this.sign(by, kind, stream, payload);
    const admission = admit(this.state, bytes, {
      verify: nobleVerify,
      entry: (index) => this.entries[index],
    });
    if (admission instanceof Refusal) throw new Error(`${admission.code}: ${admission.text}`);
    return this.keep(by, bytes);
  }

  /** Appends a statement that admission has not seen, changed by `change` after it was signed. */
  forge(
    by: Voice,
    kind: Draft["kind"],
    stream: string,
    payload: Uint8Array,
    change: (bytes: Uint8Array) => void = () => undefined,
  ): number {
    const bytes = this.sign(by, kind, stream, payload);
    change(bytes);
    this.state.frontier.push(leafHash(bytes));
    return this.keep(by, bytes);
  }

  /** Enrols a name by `by`; its key is `who`'s. */
  enrol(by: Voice, who: Voice, rest: EnrolRest, isForged = false): number {
    const payload = encodeEnrol(this.enrolment(who, rest));
    const index = isForged
      ? this.forge(by, "enrol", "registry", payload)
      : this.say(by, "enrol", "registry", payload);
    this.bring(who, sha256(this.entries[index]!));
    return index;
  }

  /** Enrols a restricted device whose position and model hide behind `hidden`; gives the index. */
  enrolRestricted(by: Voice, who: Voice, hidden: Hash): number {
    const { name, signer } = who;
    const pop = provePossession(this.state.origin, name, "device", signer);
    const payload = encodeEnrol({
      name,
      role: "device",
      key: signer.publicKey,
      pop,
      streams: ["energy"],
      visibility: "restricted",
      everySeconds: 60,
      private: hidden,
    });
    const index = this.say(by, "enrol", "registry", payload);
    this.bring(who, sha256(this.entries[index]!));
    return index;
  }

  enrolment({ name, signer }: Voice, rest: EnrolRest): Enrol {
    const origin = this.state.origin;
    const pop = provePossession(origin, name, rest.role, signer);
    return { name, key: signer.publicKey, pop, ...rest };
  }

  /** Says one temperature. */
  measure(by: Voice, stream = "air"): number {
    return this.say(by, "readings", stream, this.pack(by));
  }

  pack(by: Voice): Uint8Array {
    const reading = { quantity: "temp", unit: "Cel", value: 17.5, time: this.iat };
    return encodePack(by.name, { lat: 51.58, lon: -2.99 }, [reading]);
  }

  rekey(next: Signer): number {
    const pop = provePossession(this.state.origin, "hub", "hub", next);
    const index = this.say(this.hub, "rekey", "log", encodeRekey({ key: next.publicKey, pop }));
    this.hub = { name: "hub", signer: next };
    this.bring(this.hub, sha256(this.entries[index]!));
    this.rekeys.push(index);
    return index;
  }

  /** Seals the open block, `changes` made to the seal; with any, admission is not asked. */
  seal(changes: Partial<Seal> = {}): number {
    const last = this.seals.at(-1);
    const size = this.entries.length;
    const first = last === undefined ? 0 : last.index + 1;
    const seal: Seal = {
      height: this.seals.length,
      first,
      count: size - first,
      size,
      root: this.frontier().root(),
      prev: last?.hash ?? ZERO_HASH,
      timeMs: this.iat * 1000,
      ...changes,
    };
    const payload = encodeSeal(seal);
    const index =
      Object.keys(changes).length > 0
        ? this.forge(this.hub, "seal", "log", payload)
        : this.say(this.hub, "seal", "log", payload);
    this.seals.push({ index, seal, hash: sha256(this.entries[index]!) });
    return index;
  }

  frontier(): MerkleFrontier {
    const frontier = new MerkleFrontier();
    for (const entry of this.entries) frontier.push(leafHash(entry));
    return frontier;
  }

  /** Signs the checkpoint of all entries with the hub's present key. */
  checkpoint(origin: string = this.state.origin): string {
    const { size, root } = { size: this.entries.length, root: this.frontier().root() };
    return signCheckpoint({ origin, size, root }, this.hub.signer);
  }

  source(checkpoint: string = this.checkpoint()): EvidenceSource {
    return {
      checkpoint,
      nodes: referenceNodes(this.entries),
      rekeys: this.rekeys,
      entry: (index) => Promise.resolve(this.entries[index]!),
      sealOf: (index) => this.seals.find((seal) => seal.index >= index)!.index,
      enrolledAt: (kid) => this.enrolments.get(kid),
    };
  }

  private sign(by: Voice, kind: Draft["kind"], stream: string, payload: Uint8Array): Uint8Array {
    this.iat += 1;
    const chain = this.chains.get(kidHex(by.signer.publicKey))!;
    const gap = kind === "gap" ? 10 : 0;
    const position = { issuer: by.name, seq: chain.seq + gap, prev: chain.prev };
    return signStatement(position, { kind, stream, iat: this.iat, payload }, by.signer).bytes;
  }

  private keep(by: Voice, bytes: Uint8Array): number {
    const statement = decodeStatement(bytes);
    if (statement instanceof Refusal) throw new Error(statement.text);
    this.chains.set(kidHex(by.signer.publicKey), { seq: statement.seq + 1, prev: statement.hash });
    return this.entries.push(bytes) - 1;
  }

  /** Starts the chain of a key that the newest entry brought. */
  private bring(who: Voice, prev: Hash): void {
    const kid = kidHex(who.signer.publicKey);
    this.chains.set(kid, { seq: 0, prev });
    const isOfGenesis = this.entries.length <= 1;
    this.enrolments.set(kid, isOfGenesis ? 0 : this.entries.length - 1);
  }

  /** How many statements of a gap are left out: `from` is the next, `to` ten minus one later. */
  gapOf(by: Voice): { from: number; to: number } {
    const { seq } = this.chains.get(kidHex(by.signer.publicKey))!;
    return { from: seq, to: seq + 9 };
  }
}

/** What an enrolment says besides name, key and proof. */
export type EnrolRest =
  | { readonly role: "owner" | "registrar" }
  | {
      readonly role: "device";
      readonly streams: readonly string[];
      readonly everySeconds: number;
      readonly visibility: "public";
      readonly lat: number;
      readonly lon: number;
      readonly owner?: string;
    };

export const DEVICE: Extract<EnrolRest, { role: "device" }> = {
  role: "device",
  streams: ["air"],
  everySeconds: 60,
  visibility: "public",
  lat: 51.58,
  lon: -2.99,
};
