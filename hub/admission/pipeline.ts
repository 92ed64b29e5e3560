/**
 * Admission at the hub: from arrival to durable decision, in order of arrival (docs/formats.md, section 10).
 *
 * Statements of one device build on one another, so they must be decided in the order in which they came, while their
 * signatures may be checked in any order and elsewhere. Arrivals of one turn of the event loop form a batch; batches
 * are decided one after another as their checks come back; all that was decided meanwhile shares one sync of the disk.
 * What is decided is the log's affair, what is refused goes to quarantine; neither is reported before it is on disk.
 */

import { Refusal } from "../../ledger/errors.ts";
import { decodeStatement } from "../../ledger/statement.ts";
import type { Statement } from "../../ledger/statement.ts";
import { sha256 } from "../../ledger/sha256.ts";
import type { Hash } from "../../ledger/sha256.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Decision, HubLog } from "../log.ts";
import { openBody } from "./message.ts";
import type { MessageBody } from "./message.ts";
import type { Quarantine } from "./quarantine.ts";
import { verifyWith } from "./signature-checks.ts";
import type { SignatureChecks, Verdict } from "./signature-checks.ts";

/** What the pipeline works with. */
export interface PipelinePorts {
  readonly log: Pick<HubLog, "state" | "decide" | "durable">;
  readonly checks: SignatureChecks;
  readonly quarantine: Pick<Quarantine, "put" | "durable">;
  readonly clock: Clock;
  /** Called once when a decision cannot be made or kept: the hub must stop, and nothing is decided any more. */
  readonly onFatal: (error: unknown) => void;
  /** Called after each group of decisions has been reported: there may be room again. */
  readonly onRoom: () => void;
  /** Called with each durable decision, before whoever waits for it: for counting. */
  readonly onDecision?: ((decision: Decision) => void) | undefined;
}

/** Bounds on what waits; above them `isBusy` asks the senders to be held, it refuses nobody. */
export interface PipelineLimits {
  readonly messagesMax: number;
  readonly bytesMax: number;
  /** Statements checked as one. */
  readonly batchMax: number;
  /** Statements decided before others get their turn on the thread: some five milliseconds with checks in place. */
  readonly sliceMax: number;
}

export const PIPELINE_LIMITS: PipelineLimits = {
  messagesMax: 4096,
  bytesMax: 16_777_216,
  batchMax: 256,
  sliceMax: 64,
};

/** Takes a durable decision, with the hash of the statement, or of the message where no statement was found in it. */
export type Decided = (decision: Decision, hash: Hash) => void;

/** A message that came in, and everything that has been found out about it so far. */
export interface Arrival {
  /** The device on whose topic it came; `undefined` for other ways in, where the statement alone says who speaks. */
  readonly device: string | undefined;
  readonly bytes: Uint8Array;
  readonly preimage: Uint8Array | undefined;
  readonly statement: Statement | undefined;
  /** Set where no look at the log is needed to refuse it. */
  readonly refusal: Refusal | undefined;
  /** Length of the message as it came. */
  readonly bodyBytes: number;
  /** Of the statement; of the message where no statement was found in it. */
  readonly hash: Hash;
  readonly decided: Decided;
  /** What a worker says of its signature, if one was asked. */
  verdict: Verdict | undefined;
}

interface Batch {
  readonly arrivals: readonly Arrival[];
  isChecked: boolean;
  /** How many of the arrivals are decided. */
  done: number;
}

/** The admission of one hub. */
export class AdmissionPipeline {
  readonly #ports: PipelinePorts;
  readonly #limits: PipelineLimits;
  readonly #batches: Batch[] = [];
  readonly #commits = new Set<Promise<void>>();
  #arrived: Arrival[] = [];
  #isTurnDue = false;
  #isDrainDue = false;
  #isStopped = false;
  #messages = 0;
  #bytes = 0;

  constructor(ports: PipelinePorts, limits: PipelineLimits = PIPELINE_LIMITS) {
    this.#ports = ports;
    this.#limits = limits;
  }

  /** Messages between arrival and report. */
  get size(): number {
    return this.#messages;
  }

  /** Whether enough is waiting: senders should be held until `onRoom`. */
  get isBusy(): boolean {
    return this.#messages >= this.#limits.messagesMax || this.#bytes >= this.#limits.bytesMax;
  }

  /**
   * Takes a message: a statement, or a pair with its preimage. The bytes belong to the pipeline from here on.
   *
   * Calls `decided` once, in order of arrival, when the decision is durable; never after `onFatal`.
   */
  submit(device: string | undefined, body: Uint8Array, decided: Decided): void {
    this.#messages += 1;
    this.#bytes += body.length;
    this.#arrived.push(arrivalOf(device, body, decided));
    if (this.#isTurnDue) return;
    this.#isTurnDue = true;
    setImmediate(() => this.#turn());
  }

  /** Decides nothing any more, reports nothing any more, and waits for the syncs that are under way. */
  async close(): Promise<void> {
    this.#isStopped = true;
    await Promise.allSettled(this.#commits);
  }

  /** Makes batches of all that has arrived and has their signatures checked. */
  #turn(): void {
    this.#isTurnDue = false;
    const arrived = this.#arrived;
    this.#arrived = [];
    for (let from = 0; from < arrived.length; from += this.#limits.batchMax) {
      const arrivals = arrived.slice(from, from + this.#limits.batchMax);
      const batch: Batch = { arrivals, isChecked: false, done: 0 };
      this.#batches.push(batch);
      this.#check(batch);
    }
    this.#drain();
  }

  #check(batch: Batch): void {
    const { checks, log, onFatal } = this.#ports;
    const checking = checks.begin(batch.arrivals, log.state.registry);
    if (checking === undefined) {
      batch.isChecked = true;
      return;
    }
    checking.then(
      () => {
        batch.isChecked = true;
        this.#drain();
      },
      (error: unknown) => this.#stop(() => onFatal(error)),
    );
  }

  /** Decides the batches whose turn it is and whose checks are done; then makes it all durable with one sync. */
  #drain(): void {
    if (this.#isStopped) return;
    const group: Arrival[] = [];
    const decisions: Decision[] = [];
    try {
      while (this.#batches[0]?.isChecked === true && group.length < this.#limits.sliceMax) {
        const batch = this.#batches[0];
        const arrival = batch.arrivals[batch.done++]!;
        if (batch.done === batch.arrivals.length) this.#batches.shift();
        group.push(arrival);
        decisions.push(this.#decide(arrival));
      }
    } catch (error) {
      return this.#stop(() => this.#ports.onFatal(error));
    }
    this.#drainSoon();
    if (group.length === 0) return;
    const commit = Promise.all([this.#ports.log.durable(), this.#ports.quarantine.durable()]).then(
      () => this.#report(group, decisions),
      (error: unknown) => this.#stop(() => this.#ports.onFatal(error)),
    );
    this.#commits.add(commit);
    void commit.finally(() => this.#commits.delete(commit));
  }

  #drainSoon(): void {
    if (this.#isDrainDue || this.#batches[0]?.isChecked !== true) return;
    this.#isDrainDue = true;
    setImmediate(() => {
      this.#isDrainDue = false;
      this.#drain();
    });
  }

  #decide(arrival: Arrival): Decision {
    const decision = this.#judge(arrival);
    if (decision.kind === "refused" || decision.kind === "equivocation") {
      const { statement } = decision;
      this.#ports.quarantine.put({
        receivedMs: this.#ports.clock.nowMs(),
        device: arrival.device ?? statement?.issuer,
        kid: statement?.kid,
        seq: statement?.seq,
        hash: arrival.hash,
        code: decision.refusal.code,
        text: decision.refusal.text,
        bytes: arrival.bytes,
      });
    }
    return decision;
  }

  #judge(arrival: Arrival): Decision {
    const { statement, refusal, preimage } = arrival;
    if (refusal !== undefined) {
      return { kind: "refused", refusal, ...(statement === undefined ? {} : { statement }) };
    }
    return this.#ports.log.decide(statement ?? arrival.bytes, {
      verify: verifyWith(arrival.verdict, this.#ports.checks.verify),
      ...(preimage === undefined ? {} : { preimage }),
    });
  }

  #report(group: readonly Arrival[], decisions: readonly Decision[]): void {
    if (this.#isStopped) return;
    for (const [i, arrival] of group.entries()) {
      this.#messages -= 1;
      this.#bytes -= arrival.bodyBytes;
      this.#ports.onDecision?.(decisions[i]!);
      arrival.decided(decisions[i]!, arrival.hash);
    }
    this.#ports.onRoom();
  }

  #stop(report: () => void): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    report();
  }
}

function arrivalOf(device: string | undefined, body: Uint8Array, decided: Decided): Arrival {
  const opened = openBody(body);
  const { bytes, preimage }: MessageBody = opened instanceof Refusal ? { bytes: body } : opened;
  const decoded = opened instanceof Refusal ? opened : decodeStatement(bytes);
  const isRefused = decoded instanceof Refusal;
  return {
    device,
    bytes,
    preimage,
    statement: isRefused ? undefined : decoded,
    refusal: isRefused ? decoded : foreignTopic(device, decoded),
    hash: isRefused ? sha256(bytes) : decoded.hash,
    bodyBytes: body.length,
    decided,
    verdict: undefined,
  };
}

/** A device's topic is for its own statements, whoever may have signed others. */
function foreignTopic(device: string | undefined, statement: Statement): Refusal | undefined {
  if (device === undefined || statement.issuer === device) return undefined;
  return new Refusal("wrong-issuer", `${device} may not submit statements of ${statement.issuer}`);
}
