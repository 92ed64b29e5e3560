/**
 * What a browser trusts: the key of a log and of those who cosign it, remembered since it first saw them.
 *
 * Trust on first use: who is lied to at first is lied to for ever, and the page says so. What is pinned changes only
 * when the user says so; what a hub shows later is compared with it. Pure; pin-store.ts keeps it.
 */

import type { PeersAnswer } from "../api/answer.ts";
import { isObject, list, number, oneOf, parseJson, record, text, whole } from "../api/shape.ts";
import type { Reader } from "../api/shape.ts";
import { Fault } from "../../../ledger/fault.ts";
import { parseVkey, TYPE_COSIGNATURE, TYPE_ED25519 } from "../../../ledger/note.ts";
import type { Vkey } from "../../../ledger/note.ts";
import { NO_QUORUM, parsePolicy } from "../../../ledger/policy.ts";
import type { Policy } from "../../../ledger/policy.ts";

/** A cosigner whose signatures this browser can check. */
export interface PinnedCosigner {
  readonly name: string;
  readonly vkey: string;
}

/** One log as this browser trusts it. */
export interface Pin {
  /** Of the log, type 01. */
  readonly vkey: string;
  /** Whether the hub itself showed the vkey, or the user brought it. */
  readonly from: "first-use" | "user";
  readonly sinceMs: number;
  /** Keys of type 04, none twice. */
  readonly cosigners: readonly PinnedCosigner[];
  /** How many of them must have cosigned; 0 where nobody was asked for. */
  readonly needed: number;
}

/** How the vkey that a hub shows relates to the pinned one. */
export type PinStanding = "same" | "other-key" | "other-log";

/** Cosigners that are kept at most. */
const COSIGNERS_MAX = 50;

/** Takes what a hub shows at first sight for true. A vkey that is none gives a fault. */
export function pinFirstUse(vkey: string, peers: PeersAnswer, nowMs: number): Pin | Fault {
  const parsed = parseLogVkey(vkey);
  if (parsed instanceof Fault) return parsed;
  const cosigners: PinnedCosigner[] = [];
  for (const peer of peers.peers.slice(0, COSIGNERS_MAX)) {
    if (isCosignerKey(peer.vkey) && !cosigners.some((known) => known.vkey === peer.vkey)) {
      cosigners.push({ name: peer.name, vkey: peer.vkey });
    }
  }
  const needed = Math.min(peers.quorum?.needed ?? 0, cosigners.length);
  return { vkey, from: "first-use", sinceMs: nowMs, cosigners, needed };
}

/** Reads a vkey that the user typed; spaces around it do not matter. */
export function parseLogVkey(typed: string): Vkey | Fault {
  const vkey = parseVkey(typed.trim());
  if (vkey instanceof Fault || vkey.type === TYPE_ED25519) return vkey;
  return new Fault(
    "malformed",
    `this is the key of a cosigner, ${vkey.name}, and not that of a log`,
  );
}

function isCosignerKey(text: string): boolean {
  const vkey = parseVkey(text);
  return !(vkey instanceof Fault) && vkey.type === TYPE_COSIGNATURE;
}

/**
 * Replaces the log's key by one that the user brought.
 *
 * The cosigners stay while it is the same log; those of another log would be strangers.
 */
export function pinByUser(pin: Pin | undefined, vkey: Vkey, written: string, nowMs: number): Pin {
  const isSameLog = pin !== undefined && originOf(pin) === vkey.name;
  return {
    vkey: written.trim(),
    from: "user",
    sinceMs: nowMs,
    cosigners: isSameLog ? pin.cosigners : [],
    needed: isSameLog ? pin.needed : 0,
  };
}

/** Adds a cosigner that the user trusts; `pin` itself where its key is there already, or is none. */
export function withCosigner(pin: Pin, cosigner: PinnedCosigner): Pin {
  const isKnown = pin.cosigners.some(({ vkey }) => vkey === cosigner.vkey);
  const isFull = pin.cosigners.length >= COSIGNERS_MAX;
  if (isKnown || isFull || !isCosignerKey(cosigner.vkey)) return pin;
  return { ...pin, cosigners: [...pin.cosigners, cosigner] };
}

/** The log that a pin is about. */
export function originOf(pin: Pin): string {
  return pin.vkey.split("+", 1)[0] ?? "";
}

/** Compares the vkey that a hub shows with the pinned one. */
export function standingOfVkey(pin: Pin, shown: string): PinStanding {
  if (pin.vkey === shown) return "same";
  return shown.split("+", 1)[0] === originOf(pin) ? "other-key" : "other-log";
}

/** What is pinned as a policy file that `kerbstone verify --policy` reads. */
export function formatPolicy(pin: Pin): string {
  const { vkey, cosigners, needed } = pin;
  const names = cosigners.map((_, i) => `cosigner-${i + 1}`);
  const lines = [
    `log ${vkey}`,
    ...cosigners.map((cosigner, i) => `witness ${names[i]} ${cosigner.vkey}`),
    ...(needed > 0 ? [`group pinned ${needed} ${names.join(" ")}`] : []),
    `quorum ${needed > 0 ? "pinned" : NO_QUORUM}`,
  ];
  return `${lines.join("\n")}\n`;
}

/** The policy that evidence is checked against. Throws for a pin that `readPin` would not have let in. */
export function policyOf(pin: Pin): Policy {
  const policy = parsePolicy(formatPolicy(pin));
  if (policy instanceof Fault) throw new Error(`the pin is broken: ${policy.text}`);
  return policy;
}

/** The same policy without its quorum: cosignatures are checked, and none is asked for. */
export function withoutQuorum(policy: Policy): Policy {
  return { ...policy, quorum: NO_QUORUM };
}

const readFields: Reader<Pin> = record<Pin>({
  vkey: text,
  from: oneOf("first-use", "user"),
  sinceMs: number,
  cosigners: list(record<PinnedCosigner>({ name: text, vkey: text })),
  needed: whole,
});

/** Reads a kept pin; `undefined` for anything that makes no policy. */
export function readPin(raw: unknown): Pin | undefined {
  const pin = readFields(raw);
  return pin === undefined || parsePolicy(formatPolicy(pin)) instanceof Fault ? undefined : pin;
}

/** Everything that a browser keeps about whom it trusts. */
export interface Pins {
  /** The log of the hub that serves this page. */
  readonly hub: Pin | undefined;
  /** Other logs whose evidence was checked here, each once. */
  readonly others: readonly Pin[];
}

export const NO_PINS: Pins = { hub: undefined, others: [] };

const OTHERS_MAX = 50;

/** Finds what is trusted of a log. */
export function pinFor(pins: Pins, origin: string): Pin | undefined {
  return [pins.hub, ...pins.others].find((pin) => pin !== undefined && originOf(pin) === origin);
}

/** Keeps a pin of another log, in place of the one that was there. */
export function withOther(pins: Pins, pin: Pin): Pins {
  const rest = pins.others.filter((other) => originOf(other) !== originOf(pin));
  return { ...pins, others: [pin, ...rest].slice(0, OTHERS_MAX) };
}

/** Writes pins for keeping. */
export function formatPins(pins: Pins): string {
  return JSON.stringify({ v: 1, ...pins });
}

/** Reads kept pins; what cannot be read is as if it had never been there, and `isBroken` says so. */
export function parsePins(kept: string | undefined): { pins: Pins; isBroken: boolean } {
  if (kept === undefined) return { pins: NO_PINS, isBroken: false };
  const raw = parseJson(kept);
  if (!isObject(raw) || raw["v"] !== 1) return { pins: NO_PINS, isBroken: true };
  const hub = raw["hub"] === undefined ? undefined : readPin(raw["hub"]);
  const others = list(readPin)(raw["others"]);
  const isBroken = others === undefined || (raw["hub"] !== undefined && hub === undefined);
  return { pins: { hub, others: others ?? [] }, isBroken };
}
