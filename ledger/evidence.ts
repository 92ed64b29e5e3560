/**
 * Evidence: choosing the entries that show who measured what, when and where, and checking such a choice offline
 * (docs/formats.md, section 9).
 *
 * The checker trusts a vkey or a policy and nothing in the file. Everything that the entries can show is judged by
 * the rules of admission; what they cannot show is said in words, in the report.
 */

import { parseCheckpoint } from "./checkpoint.ts";
import type { OpenedCheckpoint } from "./checkpoint.ts";
import { Refusal } from "./errors.ts";
import type { Evidence, EvidenceEntry } from "./evidence-file.ts";
import { Fault } from "./fault.ts";
import type { Role } from "./kinds/kind.ts";
import { frontierBefore, inclusionPath, leafHash, verifyInclusion } from "./merkle.ts";
import type { NodeReader } from "./merkle.ts";
import { PartialLog } from "./partial-log.ts";
import type { KnownEffect, KnownEntry } from "./partial-log.ts";
import { NO_QUORUM, openByPolicy } from "./policy.ts";
import type { Policy } from "./policy.ts";
import { openPack } from "./preimage.ts";
import type { KeyState } from "./registry.ts";
import type { Pack, Position } from "./senml.ts";
import type { Verify } from "./signature.ts";
import { decodeStatement } from "./statement.ts";
import type { Statement } from "./statement.ts";

/** The log that evidence is taken from. Its answers are believed. */
export interface EvidenceSource {
  /** The note of a published checkpoint whose size lies beyond the seal of the entry's block. */
  readonly checkpoint: string;
  /** The tree, at least as large as the checkpoint. */
  readonly nodes: NodeReader;
  /** Indexes of all rekeys, ascending. */
  readonly rekeys: readonly number[];
  /** Reads an entry. */
  entry(index: number): Promise<Uint8Array>;
  /** The index of the seal that closes the block of an entry; a seal closes its own. */
  sealOf(index: number): number | Promise<number>;
  /** The index of the entry that brought a key (16 hex digits): genesis, a rekey or an enrolment. */
  enrolledAt(kid: string): number | undefined | Promise<number | undefined>;
}

/**
 * Builds the evidence of the entry at `index`: with genesis, the rekeys before its seal, the enrolment of its signer and
 * of those who enrolled it, and its seal.
 *
 * Throws `RangeError` where the checkpoint does not reach the seal: the caller waits until the block is sealed.
 */
export async function buildEvidence(index: number, source: EvidenceSource): Promise<Evidence> {
  const checkpoint = parseCheckpoint(source.checkpoint);
  if (checkpoint instanceof Fault) throw new RangeError(checkpoint.text);
  const { size } = checkpoint;
  const seal = await source.sealOf(index);
  if (seal >= size) throw new RangeError(`the seal at ${seal} is not in the log of size ${size}`);
  const needed = new Set([0, index, seal]);
  // Later rekeys do not matter: the seal's key is settled by those before it, the checkpoint's key by the checker.
  for (const rekey of source.rekeys) if (rekey < seal) needed.add(rekey);
  for await (const enrolment of enrolmentsBehind(index, source)) needed.add(enrolment);
  const indexes = [...needed].sort((a, b) => a - b);
  const entries = await Promise.all(
    indexes.map(async (at): Promise<EvidenceEntry> => {
      const [entry, path] = await Promise.all([
        source.entry(at),
        inclusionPath(at, size, source.nodes),
      ]);
      return { index: at, entry, path };
    }),
  );
  return { checkpoint: source.checkpoint, entries };
}

/** Follows the keys back to genesis: who signed the entry, who signed that one's enrolment, and so on. */
async function* enrolmentsBehind(index: number, source: EvidenceSource): AsyncGenerator<number> {
  for (let at = index; at > 0;) {
    const statement = decodeStatement(await source.entry(at));
    if (statement instanceof Refusal) throw new RangeError(`entry ${at}: ${statement.text}`);
    const brought = await source.enrolledAt(statement.kid);
    if (brought === undefined || brought >= at) {
      throw new RangeError(`the key of entry ${at} was not enrolled before it`);
    }
    if (source.rekeys.includes(brought)) return;
    yield brought;
    at = brought;
  }
}

/** Who signed, as far as the log knows. */
export interface EvidenceSigner {
  readonly name: string;
  readonly role: Role;
  /** 16 hex digits. */
  readonly kid: string;
  readonly owner: string | undefined;
  readonly model: string | undefined;
  /** Who enrolled it, who enrolled that one, and so on; empty for keys of genesis and the hub's. */
  readonly enrolledBy: readonly string[];
}

/** The block that an entry belongs to. */
export interface EvidenceBlock {
  readonly height: number;
  readonly first: number;
  /** The seal's index. */
  readonly index: number;
  /** The hub's time of sealing: the entry existed by then. */
  readonly timeMs: number;
}

/** What checked evidence shows. */
export interface EvidenceReport {
  /** The log and the checkpoint under which all entries of the file stand. */
  readonly checkpoint: OpenedCheckpoint;
  readonly index: number;
  readonly statement: Statement;
  /** What the statement means. */
  readonly effect: KnownEffect;
  readonly who: EvidenceSigner;
  /** The values; absent for other kinds, and for a restricted pack without its preimage. */
  readonly pack: Pack | undefined;
  /** Where it was taken, else where a public signer stands by its enrolment. */
  readonly where: Position | undefined;
  /** When the signer says it signed, in milliseconds. */
  readonly signedMs: number;
  readonly block: EvidenceBlock;
  /** Sentences that say what this evidence does not show, and who vouches for it instead. */
  readonly notShown: readonly string[];
}

/** What a checker may add to evidence. */
export interface EvidenceOptions {
  /** The entry in question. Without it: the last one that is neither genesis, rekey nor seal. */
  readonly index?: number | undefined;
  /** The preimage of a restricted pack, to see and check its values. */
  readonly preimage?: Uint8Array | undefined;
}

/**
 * Checks evidence against the logs and the quorum of a policy.
 *
 * Inclusion of every entry, genesis, every key from it on, signatures, chains where both ends are there, the statement
 * and its payload, the seal with its root and range, and the bound on the time between them. Faults: those of
 * `openByPolicy`; `not-included`; `missing-entry`; `bad-entry` with the refusal code in its text; `wrong-origin`.
 */
export function verifyEvidence(
  evidence: Evidence,
  policy: Policy,
  verify: Verify,
  options: EvidenceOptions = {},
): EvidenceReport | Fault {
  const checkpoint = openByPolicy(evidence.checkpoint, policy, verify);
  if (checkpoint instanceof Fault) return checkpoint;
  const entries = judgeEntries(evidence.entries, checkpoint, verify);
  if (entries instanceof Fault) return entries;
  const subject = subjectOf(entries, options.index);
  if (subject instanceof Fault) return subject;
  const block = blockOf(entries, subject);
  if (block instanceof Fault) return block;
  const unneeded = findUnneeded(entries, subject);
  if (unneeded !== undefined) return unneeded;
  const pack = packOf(subject, options.preimage);
  if (pack instanceof Fault) return pack;
  return report(checkpoint, entries, subject, {
    block,
    pack,
    hasQuorum: policy.quorum !== NO_QUORUM,
  });
}

/** The entries of a file by index, each in the log and judged. */
type KnownEntries = ReadonlyMap<number, KnownEntry>;

function judgeEntries(
  entries: readonly EvidenceEntry[],
  checkpoint: OpenedCheckpoint,
  verify: Verify,
): KnownEntries | Fault {
  if (entries[0]?.index !== 0) return new Fault("missing-entry", "genesis is not in the file");
  const log = new PartialLog(verify);
  const known = new Map<number, KnownEntry>();
  for (const { index, entry, path } of entries) {
    if (!verifyInclusion(leafHash(entry), index, checkpoint.size, path, checkpoint.root)) {
      return new Fault("not-included", `entry ${index} is not in the log at its index`);
    }
    const statement = decodeStatement(entry);
    const judged =
      statement instanceof Refusal
        ? statement
        : log.take(statement, frontierBefore(index, checkpoint.size, path));
    if (judged instanceof Refusal) return faultOf(index, judged);
    known.set(index, judged);
    if (log.origin !== checkpoint.origin) {
      return new Fault("wrong-origin", `genesis of ${log.origin} in a log of ${checkpoint.origin}`);
    }
  }
  return known;
}

function faultOf(index: number, refusal: Refusal): Fault {
  return refusal.code === "unknown-key"
    ? new Fault("missing-entry", `the enrolment of the key that signed entry ${index} is not there`)
    : new Fault("bad-entry", `entry ${index}: ${refusal.code}: ${refusal.text}`);
}

/** Finds the entry that the evidence is about. */
function subjectOf(entries: KnownEntries, index: number | undefined): KnownEntry | Fault {
  if (index !== undefined) {
    return entries.get(index) ?? new Fault("missing-entry", `entry ${index} is not in the file`);
  }
  const known = [...entries.values()];
  const found =
    known.findLast(({ effect }) => !["genesis", "rekey", "seal"].includes(effect.kind)) ??
    known.findLast(({ effect }) => effect.kind === "seal") ??
    known[0];
  return found ?? new Fault("missing-entry", "there is no entry in the file");
}

/** Finds the one seal of the file, and checks that it closes the block of the subject. */
function blockOf(entries: KnownEntries, subject: KnownEntry): EvidenceBlock | Fault {
  const seals = [...entries.values()].flatMap(({ index, effect }) =>
    effect.kind === "seal" ? [{ index, seal: effect.seal }] : [],
  );
  const [found, ...others] = seals;
  if (found === undefined) return new Fault("missing-entry", "the seal of the block is not there");
  if (others.length > 0)
    return new Fault("bad-entry", "evidence holds one seal, that of its block");
  const { index, seal } = found;
  const { height, first, timeMs } = seal;
  if (subject.index < first || subject.index > index) {
    return new Fault("missing-entry", `the seal at ${index} closes another block`);
  }
  return { height, first, index, timeMs };
}

/** Refuses what nothing needs, so that nobody takes the mere presence of an entry for a statement about it. */
function findUnneeded(entries: KnownEntries, subject: KnownEntry): Fault | undefined {
  const needed = new Set([subject, ...enrolmentsOf(entries, subject)]);
  for (const entry of entries.values()) {
    const isFrame = ["genesis", "rekey", "seal"].includes(entry.effect.kind);
    if (!isFrame && !needed.has(entry)) {
      return new Fault("bad-entry", `entry ${entry.index} plays no part in this evidence`);
    }
  }
  return undefined;
}

/** Follows the keys from the subject back to genesis or the hub. */
function enrolmentsOf(entries: KnownEntries, subject: KnownEntry): KnownEntry[] {
  const enrolments: KnownEntry[] = [];
  let signed = entries.get(subject.speaker.enrolledAt);
  while (signed?.effect.kind === "enrol") {
    enrolments.push(signed);
    signed = entries.get(signed.speaker.enrolledAt);
  }
  return enrolments;
}

function packOf(subject: KnownEntry, preimage: Uint8Array | undefined): Pack | undefined | Fault {
  if (subject.effect.kind === "readings") return subject.effect.pack;
  if (subject.effect.kind !== "salted" || preimage === undefined) return undefined;
  const pack = openPack(subject.statement, preimage);
  return pack instanceof Refusal ? faultOf(subject.index, pack) : pack;
}

function report(
  checkpoint: OpenedCheckpoint,
  entries: KnownEntries,
  subject: KnownEntry,
  found: { block: EvidenceBlock; pack: Pack | undefined; hasQuorum: boolean },
): EvidenceReport {
  const { index, statement, effect, speaker } = subject;
  const { block, pack, hasQuorum } = found;
  const enrolledBy = enrolmentsOf(entries, subject).map((entry) => entry.speaker.name);
  return {
    checkpoint,
    index,
    statement,
    effect,
    who: signerOf(speaker, enrolledBy),
    pack,
    where: pack === undefined ? positionOf(speaker) : { lat: pack.lat, lon: pack.lon },
    signedMs: statement.iat * 1000,
    block,
    notShown: notShown(checkpoint, subject, pack !== undefined, hasQuorum),
  };
}

function signerOf(key: KeyState, enrolledBy: readonly string[]): EvidenceSigner {
  const { name, role, kid, device } = key;
  return { name, role, kid, owner: device?.owner, model: device?.model, enrolledBy };
}

function positionOf({ device }: KeyState): Position | undefined {
  if (device?.lat === undefined || device.lon === undefined) return undefined;
  return { lat: device.lat, lon: device.lon };
}

function notShown(
  checkpoint: OpenedCheckpoint,
  { statement, effect, speaker }: KnownEntry,
  hasValues: boolean,
  hasQuorum: boolean,
): string[] {
  const cosigners = checkpoint.cosignatures.map(({ vkey }) => vkey.name).join(", ");
  const guarantors = hasQuorum
    ? `the cosigners (${cosigners}) vouch, if they are mirrors`
    : "only the hub vouches, since no cosignature was asked for";
  const sentences = [
    `That the key of ${speaker.name} had not been revoked before: for this ${guarantors}.`,
    `That all other entries of the log obey its rules: for this ${guarantors}.`,
    `That the clock of ${speaker.name} was right: the log shows only by when the statement existed.`,
  ];
  if (!hasQuorum) {
    sentences.push(
      "That the hub shows the same log to everybody: nobody else's word was asked for.",
    );
  }
  if (effect.kind === "salted" && !hasValues) {
    sentences.push("The values themselves: the log holds only their salted hash.");
  }
  if (["grant", "withdraw", "erase", "revoke"].includes(statement.kind)) {
    sentences.push(
      `That ${speaker.name} might ${statement.kind} just this: it needs further entries of the log.`,
    );
  }
  return sentences;
}
