/**
 * Whom a checker trusts: logs, witnesses, and how many of these must have cosigned (C2SP tlog-policy;
 * docs/formats.md, section 8).
 *
 * The specification is still moving, so nothing else knows the file's form. A bare vkey is the policy with that log
 * and no quorum, so that proofs, receipts and evidence have one way to be checked.
 */

import { openCheckpoint } from "./checkpoint.ts";
import type { OpenedCheckpoint } from "./checkpoint.ts";
import { equalBytes } from "./bytes.ts";
import { Fault, malformedText } from "./fault.ts";
import { isSameVkey, parseVkey, TYPE_COSIGNATURE, TYPE_ED25519 } from "./note.ts";
import type { Vkey } from "./note.ts";
import type { Verify } from "./signature.ts";

/** Bound of a policy file, in UTF-16 units. */
export const POLICY_LENGTH_MAX = 65_536;

/** The name that stands for no quorum. */
export const NO_QUORUM = "none";

export interface PolicyLog {
  readonly vkey: Vkey;
  readonly url: string | undefined;
}

export interface PolicyWitness {
  /** The name by which groups and quorum of this file refer to it; its key's name may be another. */
  readonly name: string;
  readonly vkey: Vkey;
  readonly url: string | undefined;
}

/** A group has witnessed what `needed` of its members have. */
export interface PolicyGroup {
  readonly name: string;
  /** From 1 to the number of members. */
  readonly needed: number;
  /** Names of witnesses and of groups defined earlier; none is a member twice anywhere in a policy. */
  readonly members: readonly string[];
}

/** A policy as its file says it, lines in order. */
export interface Policy {
  readonly logs: readonly PolicyLog[];
  readonly witnesses: readonly PolicyWitness[];
  readonly groups: readonly PolicyGroup[];
  /** The name of a witness or group, or `NO_QUORUM`. */
  readonly quorum: string;
}

/** Trusts one log key, and asks for no cosignatures. */
export function trustVkey(vkey: Vkey): Policy {
  return { logs: [{ vkey, url: undefined }], witnesses: [], groups: [], quorum: NO_QUORUM };
}

/** Gives the log keys of a policy. */
export function logKeys(policy: Policy): Vkey[] {
  return policy.logs.map((log) => log.vkey);
}

// eslint-disable-next-line no-control-regex
const FORBIDDEN_CHARACTER = /[\u0000-\u0008\u000b-\u001f\u007f]/;

/**
 * Reads a policy file.
 *
 * All rules of the specification hold: names defined before they are used, no key twice, no name a member twice,
 * exactly one quorum line. The last line may lack its newline. The fault names the line.
 */
export function parsePolicy(text: string): Policy | Fault {
  if (text.length > POLICY_LENGTH_MAX) {
    return malformedText(`a policy has at most ${POLICY_LENGTH_MAX} characters`);
  }
  if (FORBIDDEN_CHARACTER.test(text)) {
    return malformedText("a policy holds no control characters but tab and newline");
  }
  const reader = new PolicyReader();
  for (const [i, line] of text.split("\n").entries()) {
    const items = line.split(/[ \t]+/).filter((item) => item !== "");
    const fault = items.length === 0 || items[0]!.startsWith("#") ? undefined : reader.take(items);
    if (fault !== undefined) return new Fault(fault.code, `line ${i + 1}: ${fault.text}`);
  }
  return reader.policy();
}

class PolicyReader {
  private readonly logs: PolicyLog[] = [];
  private readonly witnesses: PolicyWitness[] = [];
  private readonly groups: PolicyGroup[] = [];
  private readonly names = new Set<string>();
  private readonly members = new Set<string>();
  private quorum: string | undefined;

  /** Takes the items of one line; gives what is wrong with it. */
  take(items: readonly string[]): Fault | undefined {
    const [keyword, ...rest] = items;
    switch (keyword) {
      case "log":
        return this.takeLog(rest);
      case "witness":
        return this.takeWitness(rest);
      case "group":
        return this.takeGroup(rest);
      case "quorum":
        return this.takeQuorum(rest);
      default:
        return malformedText(`expected log, witness, group or quorum, got "${keyword}"`);
    }
  }

  policy(): Policy | Fault {
    const { logs, witnesses, groups, quorum } = this;
    if (quorum === undefined) return malformedText("a policy has a quorum line");
    return { logs, witnesses, groups, quorum };
  }

  private takeLog([text, url, ...rest]: readonly string[]): Fault | undefined {
    if (text === undefined || rest.length > 0) return malformedText("expected log <vkey> [<url>]");
    const vkey = parseKeyOf(text, TYPE_ED25519);
    if (vkey instanceof Fault) return vkey;
    if (hasKey(this.logs, vkey) || hasKey(this.witnesses, vkey)) {
      return malformedText("this log key stands in an earlier line");
    }
    this.logs.push({ vkey, url });
    return undefined;
  }

  private takeWitness([name, text, url, ...rest]: readonly string[]): Fault | undefined {
    if (name === undefined || text === undefined || rest.length > 0) {
      return malformedText("expected witness <name> <vkey> [<url>]");
    }
    const vkey = parseKeyOf(text, TYPE_COSIGNATURE);
    if (vkey instanceof Fault) return vkey;
    if (hasKey(this.witnesses, vkey) || hasKey(this.logs, vkey)) {
      return malformedText("this witness key stands in an earlier line");
    }
    this.witnesses.push({ name, vkey, url });
    return this.define(name);
  }

  private takeGroup([name, threshold, ...members]: readonly string[]): Fault | undefined {
    if (name === undefined || threshold === undefined || members.length === 0) {
      return malformedText("expected group <name> all|any|<k> <name>…");
    }
    const needed = neededOf(threshold, members.length);
    if (needed === undefined) {
      return malformedText(`expected all, any or a number from 1 to ${members.length}`);
    }
    for (const member of members) {
      if (!this.names.has(member)) return malformedText(`"${member}" is not defined before`);
      if (this.members.has(member)) return malformedText(`"${member}" is a member already`);
      this.members.add(member);
    }
    this.groups.push({ name, needed, members });
    return this.define(name);
  }

  private takeQuorum([name, ...rest]: readonly string[]): Fault | undefined {
    if (name === undefined || rest.length > 0) return malformedText("expected quorum <name>|none");
    if (this.quorum !== undefined) return malformedText("a policy has one quorum line");
    if (name !== NO_QUORUM && !this.names.has(name)) {
      return malformedText(`"${name}" is not defined before`);
    }
    this.quorum = name;
    return undefined;
  }

  private define(name: string): Fault | undefined {
    if (name === NO_QUORUM)
      return malformedText(`"${NO_QUORUM}" names no quorum, and nothing else`);
    if (this.names.has(name)) return malformedText(`"${name}" is defined twice`);
    this.names.add(name);
    return undefined;
  }
}

function parseKeyOf(text: string, type: Vkey["type"]): Vkey | Fault {
  const vkey = parseVkey(text);
  if (vkey instanceof Fault || vkey.type === type) return vkey;
  return malformedText(`expected a key of type 0${type}, ${vkey.name} has type 0${vkey.type}`);
}

/** Two vkeys with one public key would let one signer count twice, whatever their names. */
function hasKey(lines: readonly { vkey: Vkey }[], vkey: Vkey): boolean {
  return lines.some((line) => equalBytes(line.vkey.key, vkey.key));
}

function neededOf(threshold: string, members: number): number | undefined {
  if (threshold === "all") return members;
  if (threshold === "any") return 1;
  if (!/^[1-9][0-9]{0,5}$/.test(threshold)) return undefined;
  const needed = Number(threshold);
  return needed <= members ? needed : undefined;
}

/**
 * Says whether these cosigners are enough.
 *
 * A signer counts once, however often it is listed; keys that the policy does not name count for nothing.
 */
export function quorumMet(policy: Policy, cosigners: readonly Vkey[]): boolean {
  if (policy.quorum === NO_QUORUM) return true;
  const witnessed = new Set(
    policy.witnesses
      .filter(({ vkey }) => cosigners.some((cosigner) => isSameVkey(cosigner, vkey)))
      .map(({ name }) => name),
  );
  // Groups come after what they are made of, so one pass settles them all.
  for (const { name, needed, members } of policy.groups) {
    if (members.filter((member) => witnessed.has(member)).length >= needed) witnessed.add(name);
  }
  return witnessed.has(policy.quorum);
}

/**
 * Opens a checkpoint that one of the policy's logs signed and its quorum cosigned.
 *
 * Besides the faults of `openCheckpoint`: `no-quorum`.
 */
export function openByPolicy(
  note: string,
  policy: Policy,
  verify: Verify,
): OpenedCheckpoint | Fault {
  const witnessKeys = policy.witnesses.map(({ vkey }) => vkey);
  const opened = openCheckpoint(note, [...logKeys(policy), ...witnessKeys], verify);
  if (opened instanceof Fault) return opened;
  const cosigners = opened.cosignatures.map(({ vkey }) => vkey);
  if (quorumMet(policy, cosigners)) return opened;
  return new Fault(
    "no-quorum",
    `cosigned by ${cosigners.map(({ name }) => name).join(", ") || "nobody"}, which does not meet the quorum "${policy.quorum}"`,
  );
}
