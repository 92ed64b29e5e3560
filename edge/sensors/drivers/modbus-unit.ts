/**
 * One unit on a Modbus line: when it is asked next, and how patient the line is with it.
 *
 * A unit that does not answer holds up all others for the time of a timeout. So the pauses between questions to it grow,
 * and after some failures in a row it is put aside and asked a single question now and then.
 */

import type { PartStatus } from "../driver.ts";
import type { UnitOptions } from "./modbus-options.ts";
import { blocksOf, type RegisterBlock } from "./modbus-registers.ts";

/** The function that reads input registers. */
const INPUT = 4;

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
  }

  /** Begins a round: gives the blocks to ask for, perhaps none, and sets the time of the next. */
  begin(atMs: number): RegisterBlock[] {
    this.nextMs = Math.max(this.nextMs + this.everyMs, atMs);
    const blocks = this.blocks.filter((block) => (this.refusedUntilMs.get(block) ?? 0) <= atMs);
    return this.isQuarantined ? blocks.slice(0, 1) : blocks;
  }

  /** It has answered, with the values of a block if that is given. If it was put aside, it is asked for everything at once. */
  answered(atMs: number, block?: RegisterBlock): void {
    if (block !== undefined) this.refusedUntilMs.delete(block);
    if (this.isQuarantined) this.nextMs = atMs;
    this.failures = 0;
  }

  /** It has said that it does not have these registers: asking again soon is in vain. */
  refused(block: RegisterBlock, atMs: number): void {
    this.refusedUntilMs.set(block, atMs + this.patience.quarantineMs);
  }

  /** It has not answered. What it may say too late comes before it is asked again, and is not taken for an answer. */
  failed(atMs: number): void {
    this.failures += 1;
    const { quarantineMs } = this.patience;
    const pauseMs = this.everyMs * 2 ** Math.min(this.failures - 1, 16);
    this.nextMs = atMs + (this.isQuarantined ? quarantineMs : Math.min(pauseMs, quarantineMs));
  }

  private get isQuarantined(): boolean {
    return this.failures >= this.patience.failuresMax;
  }
}

/** Such as `holding 40001-40002`. */
function nameOf({ functionCode, start, count }: RegisterBlock): string {
  const kind = functionCode === INPUT ? "input" : "holding";
  return `${kind} ${start}${count > 1 ? `-${start + count - 1}` : ""}`;
}
