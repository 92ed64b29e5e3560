/**
 * Why a device signs nothing more, kept on disk where it must outlive a restart.
 *
 * A cloned or restored card must not go on after a reboot as if nothing had been: two histories under one key are what
 * the ledger exists to rule out. Only a person ends it, by `kerbstone edge recover`. See docs/edge.md, "Stopping".
 */

import { z } from "zod";
import { decodeUtf8, encodeUtf8 } from "../../ledger/bytes.ts";
import type { Files } from "../../platform/files.ts";

const HALT_REASONS = ["foreign-statements", "counter-lost", "key-refused"] as const;

/**
 * `foreign-statements`: the hub holds statements of this key that are not on this card. `counter-lost`: the card
 * holds none at all, though the hub does. `key-refused`: the hub no longer takes this key or name.
 */
export type HaltReason = (typeof HALT_REASONS)[number];

/** A device has stopped signing. */
export interface Halt {
  readonly reason: HaltReason;
  /** For the person who has to do something. */
  readonly text: string;
}

/** The hub holds statements of this key up to `stored`, and this card none. */
export function counterLost(stored: number): Halt {
  const text =
    `The hub holds statements of this key up to number ${stored}, and this card holds none. If no other machine ` +
    "uses the key, run `kerbstone edge recover CONFIG`; else make a new one with `kerbstone edge renew CONFIG`.";
  return { reason: "counter-lost", text };
}

/** The hub holds a statement number `stored` that this card did not sign; -1 stands for the enrolling entry. */
export function foreignStatements(stored: number): Halt {
  const text =
    stored < 0
      ? "The hub knows another enrolment of this key than the one that this card began with: the log was begun anew, or " +
        "restored to a time before it. Run `kerbstone edge recover CONFIG`: what is still kept is then signed anew."
      : `The hub holds a statement of this key with number ${stored} that this card did not sign: the card was cloned, or ` +
        "restored from a copy. Make a new key with `kerbstone edge renew CONFIG`; or, if no other machine uses this one, go " +
        "on with `kerbstone edge recover CONFIG`.";
  return { reason: "foreign-statements", text };
}

const shape = z.object({ reason: z.enum(HALT_REASONS), text: z.string() });

/** The two marks in a device's data folder: "stopped", and "a person says to go on". */
export class HaltMarks {
  private readonly files: Files;
  private readonly folder: string;
  private isAsked: boolean | undefined;

  constructor(files: Files, folder: string) {
    this.files = files;
    this.folder = folder;
  }

  /** Reads why the device stopped; `undefined` when it did not. A mark that cannot be read still stops it. */
  async halted(): Promise<Halt | undefined> {
    const bytes = await this.files.read(`${this.folder}/halted.json`);
    if (bytes === undefined) return undefined;
    try {
      return shape.parse(JSON.parse(decodeUtf8(bytes) ?? ""));
    } catch {
      return { reason: "foreign-statements", text: "stopped for a reason that cannot be read" };
    }
  }

  /** Stops the device for good. */
  async halt(halt: Halt): Promise<void> {
    await this.files.write(`${this.folder}/halted.json`, encodeUtf8(JSON.stringify(halt) + "\n"));
  }

  /** Whether a person has asked for the device to go on. Looked up once: nobody can ask while an agent has the folder. */
  async isRecovering(): Promise<boolean> {
    this.isAsked ??= await this.files.exists(`${this.folder}/recover`);
    return this.isAsked;
  }

  /** Notes that a person, who knows that this is the only card with this key, wants it to go on. */
  async allowRecovery(): Promise<void> {
    this.isAsked = undefined;
    await this.files.write(`${this.folder}/recover`, encodeUtf8("skip numbers and go on\n"));
    await this.files.remove(`${this.folder}/halted.json`);
  }

  /** Takes note that the device goes on. */
  async recovered(): Promise<void> {
    this.isAsked = undefined;
    await this.files.remove(`${this.folder}/recover`);
  }
}
