/**
 * One unit on a Modbus line: when it is asked next, and how patient the line is with it.
 *
 * A unit that does not answer holds up all others for the time of a timeout. So the pauses between questions to it grow,
 * and after some failures in a row it is put aside and asked a single question now and then.
 *
 * Answers do not say what was asked, so that a late one to one block of registers could be taken for that to another of the
 * same size. While it may still be on its way, such a unit is asked the same question again and no other; and once it has
 * answered, it is left alone until nothing more can come.
 */

import type { PartStatus } from "../driver.ts";
import type { UnitOptions } from "./modbus-options.ts";
import { blocksOf, type RegisterBlock } from "./modbus-registers.ts";

/** The function that reads input registers. */
const INPUT = 4;

/** An answer later than this does not come any more. */
const LATE_MS_MAX = 10_000;

/** How patient the line is. */
export interface Patience {
  /** Failures in a row after which a unit is put aside. */
  readonly failuresMax: number;
  /** Between questions to a unit that was put aside, or about registers that it has refused. */
  readonly quarantineMs: number;
}

/** See the head of the file. */
export class ModbusUnit {
  readonly id: number;
  private readonly everyMs: number;
  private readonly patience: Patience;
  private readonly blocks: readonly RegisterBlock[];
  private refusedUntilMs = new Map<RegisterBlock, number>();
  private failures = 0;
  private nextMs = 0;
  private begunMs = 0;
  /** The question whose answers may still come and mislead, and when it was put. */
  private late: { readonly block: RegisterBlock; readonly askedMs: readonly number[] } | undefined;

  /** `everyMs` is for units that do not say how often they are asked. */
  constructor(options: UnitOptions, everyMs: number, patience: Patience) {
    const { id, everySeconds } = options;
    this.id = id;
    this.everyMs = everySeconds === undefined ? everyMs : everySeconds * 1000;
    this.patience = patience;
    this.blocks = blocksOf(options);
  }

  /** When it is to be asked. */
  get dueMs(): number {
    return this.nextMs;
  }

  /** How it is, for people. */
  get status(): PartStatus {
    const { failures } = this;
    const refused = [...this.refusedUntilMs.keys()].map(nameOf);
    const isWell = failures === 0 && refused.length === 0;
    const state = isWell ? "ok" : this.isQuarantined ? "quarantined" : "failing";
    // The address of a register is what is wrong most often, and the unit alone would not say it.
    const name = `unit ${this.id}${refused.length > 0 ? ` (it refuses ${refused.join(" and ")})` : ""}`;
    return { name, state, failures };
  }

  /** Forgets its past, since the line has been opened anew. */
  reset(atMs: number): void {
    this.failures = 0;
    this.refusedUntilMs.clear();
    this.nextMs = atMs;
    this.late = undefined;
  }

  /** Begins a round: gives the blocks to ask for, perhaps none, and sets the time of the next. */
  begin(atMs: number): RegisterBlock[] {
    this.nextMs = Math.max(this.nextMs + this.everyMs, atMs);
    this.begunMs = atMs;
    this.late = stillLate(this.late, atMs);
    if (this.late !== undefined) return [this.late.block];
    const blocks = this.blocks.filter((block) => (this.refusedUntilMs.get(block) ?? 0) <= atMs);
    return this.isQuarantined ? blocks.slice(0, 1) : blocks;
  }

  /** It has answered, with the values of a block if that is given. If it was put aside, it is asked for everything at once. */
  answered(atMs: number, block?: RegisterBlock): void {
    if (block !== undefined) this.refusedUntilMs.delete(block);
    // Whichever question this answers, the answers to the others may still come.
    if (stillLate(this.late, atMs) !== undefined) this.nextMs = this.begunMs + LATE_MS_MAX;
    else if (this.isQuarantined) this.nextMs = atMs;
    this.late = undefined;
    this.failures = 0;
  }

  /** It has said that it does not have these registers: asking again soon is in vain. */
  refused(block: RegisterBlock, atMs: number): void {
    this.refusedUntilMs.set(block, atMs + this.patience.quarantineMs);
  }

  /** It has not answered what it was asked then; without that, it is known that no answer comes. */
  failed(atMs: number, asked?: { readonly block: RegisterBlock; readonly askedMs: number }): void {
    this.failures += 1;
    if (asked !== undefined && this.hasDouble(asked.block))
      this.late = { block: asked.block, askedMs: [...(this.late?.askedMs ?? []), asked.askedMs] };
    const { quarantineMs } = this.patience;
    const pauseMs = this.everyMs * 2 ** Math.min(this.failures - 1, 16);
    this.nextMs = atMs + (this.isQuarantined ? quarantineMs : Math.min(pauseMs, quarantineMs));
  }

  /** Whether the answer to another question looks the same. */
  private hasDouble(block: RegisterBlock): boolean {
    return this.blocks.some(
      (other) =>
        other !== block && other.functionCode === block.functionCode && other.count === block.count,
    );
  }

  private get isQuarantined(): boolean {
    return this.failures >= this.patience.failuresMax;
  }
}

/** What of a late question still is one. */
function stillLate(
  late: { readonly block: RegisterBlock; readonly askedMs: readonly number[] } | undefined,
  atMs: number,
): typeof late {
  const askedMs = late?.askedMs.filter((ms) => atMs - ms < LATE_MS_MAX) ?? [];
  return late === undefined || askedMs.length === 0 ? undefined : { ...late, askedMs };
}

/** Such as `holding 40001-40002`. */
function nameOf({ functionCode, start, count }: RegisterBlock): string {
  const kind = functionCode === INPUT ? "input" : "holding";
  return `${kind} ${start}${count > 1 ? `-${start + count - 1}` : ""}`;
}
