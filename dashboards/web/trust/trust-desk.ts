/**
 * Holds whom this browser trusts and what it has verified of the log, and keeps both.
 *
 * Learns from the hub only at first sight; afterwards it compares, and what does not fit is an alarm.
 */

import type { LogAnswer, PeersAnswer } from "../api/answer.ts";
import { parseJson, record, text } from "../api/shape.ts";
import { openCheckpoint } from "../../../ledger/checkpoint.ts";
import { Fault } from "../../../ledger/fault.ts";
import { logKeys } from "../../../ledger/policy.ts";
import type { Verify } from "../../../ledger/signature.ts";
import type { Vkey } from "../../../ledger/note.ts";
import {
  originOf,
  parsePins,
  formatPins,
  pinByUser,
  pinFirstUse,
  policyOf,
  withCosigner,
  withOther,
} from "./pin.ts";
import type { Pin, PinnedCosigner, Pins } from "./pin.ts";
import { checkCheckpoint, compareCheckpoints } from "./seen-checkpoint.ts";
import type { CheckedCheckpoint } from "./seen-checkpoint.ts";

/** A place where a browser keeps texts under names, as long as it likes to. */
export interface Drawer {
  get(name: string): string | undefined;
  /** Says whether it was kept. */
  put(name: string, content: string): boolean;
}

/** Two notes of one log that cannot both be true. */
export interface Contradiction {
  readonly seen: string;
  readonly shown: string;
}

/** What the desk shows. */
export interface Trust {
  readonly pins: Pins;
  /** Whether the browser keeps them; otherwise they last as long as the page. */
  readonly isKept: boolean;
  /** What was kept could not be read, so trust began anew. */
  readonly isBroken: boolean;
  /** The newest published checkpoint, or why it does not hold against the pin; absent before one came. */
  readonly newest: CheckedCheckpoint | Fault | undefined;
  /** The hub's newest checkpoint has fewer entries than one that was verified here. */
  readonly shorter: { readonly from: number; readonly to: number } | undefined;
  readonly contradiction: Contradiction | undefined;
}

const PINS = "kerbstone.pins";
const CHECKPOINT = "kerbstone.checkpoint";
const CONTRADICTION = "kerbstone.contradiction";

function readContradiction(kept: string | undefined): Contradiction | undefined {
  return kept === undefined
    ? undefined
    : record<Contradiction>({ seen: text, shown: text })(parseJson(kept));
}

/** The one owner of a browser's trust. */
export class TrustDesk {
  readonly #drawer: Drawer;
  readonly #verify: Verify;
  readonly #nowMs: () => number;
  readonly #listeners = new Set<() => void>();
  #trust: Trust;
  #seen: string | undefined;
  #published: string | undefined;

  constructor(parts: { drawer: Drawer; verify: Verify; nowMs: () => number }) {
    this.#drawer = parts.drawer;
    this.#verify = parts.verify;
    this.#nowMs = parts.nowMs;
    this.#seen = parts.drawer.get(CHECKPOINT);
    this.#trust = {
      ...parsePins(parts.drawer.get(PINS)),
      isKept: true,
      newest: undefined,
      shorter: undefined,
      contradiction: readContradiction(parts.drawer.get(CONTRADICTION)),
    };
  }

  get trust(): Trust {
    return this.#trust;
  }

  /** Adds a listener; the answer removes it. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Meets a hub: at first sight its keys are pinned, later nothing is learned. */
  meet(log: LogAnswer, peers: PeersAnswer): void {
    if (this.#trust.pins.hub !== undefined) return;
    const pin = pinFirstUse(log.vkey, peers, this.#nowMs());
    if (!(pin instanceof Fault)) this.#pinHub(pin);
  }

  /** The user says which key the hub's log has. */
  pinHubKey(vkey: Vkey, written: string): void {
    this.#pinHub(pinByUser(this.#trust.pins.hub, vkey, written, this.#nowMs()));
  }

  /** The user trusts a cosigner that the hub named after first sight. */
  pinCosigner(cosigner: PinnedCosigner): void {
    const { hub } = this.#trust.pins;
    if (hub !== undefined) this.#pinHub(withCosigner(hub, cosigner));
  }

  /** The user says which key another log has. */
  pinOther(vkey: Vkey, written: string): void {
    this.#keepPins(withOther(this.#trust.pins, pinByUser(undefined, vkey, written, this.#nowMs())));
  }

  /** Takes a checkpoint that the hub has published: checks it, and holds it against the newest one seen. */
  takeCheckpoint(note: string): void {
    this.#published = note;
    const { hub } = this.#trust.pins;
    if (hub === undefined) return;
    const newest = checkCheckpoint(note, policyOf(hub), hub.needed, this.#verify);
    this.#show({ ...this.#trust, newest });
    if (!(newest instanceof Fault)) this.#compare(hub, newest);
  }

  #compare(pin: Pin, { checkpoint }: CheckedCheckpoint): void {
    const seen =
      this.#seen === undefined
        ? undefined
        : openCheckpoint(this.#seen, logKeys(policyOf(pin)), this.#verify);
    const before = seen instanceof Fault ? undefined : seen;
    switch (compareCheckpoints(before, checkpoint)) {
      case "first":
      case "longer":
        this.#seen = checkpoint.note;
        this.#show({
          ...this.#trust,
          shorter: undefined,
          isKept: this.#drawer.put(CHECKPOINT, checkpoint.note) && this.#trust.isKept,
        });
        break;
      case "same":
        this.#show({ ...this.#trust, shorter: undefined });
        break;
      case "shorter":
        this.#show({ ...this.#trust, shorter: { from: before!.size, to: checkpoint.size } });
        break;
      case "contradiction": {
        const contradiction = { seen: before!.note, shown: checkpoint.note };
        // Kept, since the hub may show an innocent checkpoint by the time the page is opened again.
        this.#drawer.put(CONTRADICTION, JSON.stringify(contradiction));
        this.#show({ ...this.#trust, contradiction });
      }
    }
  }

  #pinHub(pin: Pin): void {
    const before = this.#trust.pins.hub;
    // What was seen of another log is nothing to compare with.
    if (before !== undefined && originOf(before) !== originOf(pin)) this.#seen = undefined;
    this.#keepPins({ ...this.#trust.pins, hub: pin });
    if (this.#published !== undefined) this.takeCheckpoint(this.#published);
  }

  #keepPins(pins: Pins): void {
    const isKept = this.#drawer.put(PINS, formatPins(pins));
    this.#show({ ...this.#trust, pins, isKept });
  }

  #show(trust: Trust): void {
    this.#trust = trust;
    for (const listener of this.#listeners) listener();
  }
}
