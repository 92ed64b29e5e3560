/**
 * A board with what feeds it, its faults, its outlet and a clock.
 *
 * Models are measured on the beat, whether or not somebody reads. Recordings and captures wait for a reader, so that
 * none of their bytes are lost, and keep their pace from then on.
 */
import type { Random } from "../../platform/random.ts";
import type { Board, MessageBoard } from "../boards/board.ts";
import type { CityClock } from "../models/city-clock.ts";
import { followWindows } from "../faults/fault-window.ts";
import { StationFaults } from "../faults/station-faults.ts";
import type { Feed } from "./feed.ts";
import type { Values } from "../models/model.ts";
import type { BytesReceived, Outlet } from "../outlet/outlet.ts";
import type { BoardPlan } from "../scenario/station-plan.ts";
import type { Station, StationReport } from "./station.ts";
import { StationLine } from "./station-line.ts";

/** The least time between the beginnings of two rounds of a loop, however short and fast: others want to run too. */
const ROUND_MS_MIN = 10;

/** What it is made from. */
export interface BoardStationParts {
  readonly plan: BoardPlan;
  /** None for a capture, nor for a board that sends messages. */
  readonly board?: Board;
  /** In place of a board. */
  readonly messages?: MessageBoard;
  readonly feed: Feed;
  readonly clock: CityClock;
  /** Draws the faults. */
  readonly random: Random;
  /** Opens the line; bytes from the other side go to the function. */
  readonly openOutlet: (received: BytesReceived) => Promise<Outlet>;
}

/** A board whose outlet is open. */
export class BoardStation implements Station {
  readonly plan: BoardPlan;
  readonly #board: Board | undefined;
  readonly #messages: MessageBoard | undefined;
  readonly #feed: Feed;
  readonly #clock: CityClock;
  readonly #faults: StationFaults;
  #line: StationLine | undefined;
  #recordedMs: number | undefined;
  #restarts = 0;

  private constructor(parts: BoardStationParts, faults: StationFaults) {
    this.plan = parts.plan;
    this.#board = parts.board;
    this.#messages = parts.messages;
    this.#feed = parts.feed;
    this.#clock = parts.clock;
    this.#faults = faults;
  }

  /** Opens the outlet. Commands are answered from now on. Rejects with the system's error. */
  static async open(parts: BoardStationParts): Promise<BoardStation> {
    const { plan, board, random, clock, openOutlet } = parts;
    const faults = new StationFaults(plan.faults, random, board?.bootMs ?? 0);
    const station = new BoardStation(parts, faults);
    const line = { faults, clock: clock.clock, openOutlet };
    station.#line = await StationLine.open(line, (chunk) => station.#receive(chunk));
    return station;
  }

  get address(): string {
    return this.#messages?.address ?? this.#opened().address;
  }

  /** Waits until somebody reads. Rejects with the signal's reason. */
  ready(signal: AbortSignal): Promise<void> {
    return this.#opened().ready(signal);
  }

  report(): StationReport {
    const { bytesSent, bytesLost } = this.#opened();
    const recording =
      this.#feed.kind === "replay" ? { recording: { ...this.#feed.recording.counts } } : {};
    return { bytesSent, bytesLost, ...recording };
  }

  /** Plays the feed to its end or until the signal. Rejects with the outlet's error when the line is lost before that. */
  run(signal: AbortSignal): Promise<void> {
    return this.#opened().run(
      signal,
      (either) => this.#play(either),
      (either) => this.#followPower(either),
    );
  }

  close(): Promise<void> {
    return this.#opened().close();
  }

  #play(signal: AbortSignal): Promise<void> {
    switch (this.#feed.kind) {
      case "model":
        return this.#playModel(this.#feed, signal);
      case "replay":
        return this.#playRecording(this.#feed, signal);
      case "capture":
        return this.#playCapture(this.#feed, signal);
    }
  }

  async #playModel({ model }: Feed & { kind: "model" }, signal: AbortSignal): Promise<void> {
    const { clock } = this.#clock;
    const intervalMs = this.plan.everySeconds * 1000;
    const resolutionMs = Math.min(1000, intervalMs);
    const startMs = clock.monotonicMs();
    for (;;) {
      const nowMs = this.#clock.nowMs();
      // Real boards measure on the whole second.
      const timeMs = Math.floor(nowMs / resolutionMs) * resolutionMs;
      this.#measure(model.at(timeMs), timeMs);
      const beats = Math.floor((clock.monotonicMs() - startMs) / intervalMs) + 1;
      await this.#waitUntil(startMs + beats * intervalMs, signal);
    }
  }

  async #playRecording(feed: Feed & { kind: "replay" }, signal: AbortSignal): Promise<void> {
    let dueMs = this.#clock.clock.monotonicMs();
    // Each round goes on in time where the one before ended, or receivers would see their clocks run back.
    let shiftMs = 0;
    for (let more = true; more;) {
      let first: number | undefined;
      let last = { timeMs: 0, waitMs: 0 };
      for (const row of feed.recording.rows()) {
        first ??= row.timeMs;
        last = row;
        dueMs = await this.#turn(dueMs + row.waitMs / feed.speed, signal);
        this.#recordedMs = row.timeMs + shiftMs;
        this.#measure(row.values, this.#recordedMs);
      }
      more = feed.loop && first !== undefined;
      dueMs += Math.max(ROUND_MS_MIN, last.waitMs / feed.speed);
      shiftMs += last.timeMs - (first ?? 0) + last.waitMs;
    }
  }

  async #playCapture(feed: Feed & { kind: "capture" }, signal: AbortSignal): Promise<void> {
    let dueMs = this.#clock.clock.monotonicMs();
    do {
      const roundMs = dueMs;
      for (const { bytes, lastsMs } of feed.chunks()) {
        dueMs = (await this.#turn(dueMs, signal)) + lastsMs / feed.speed;
        this.#opened().send(bytes);
      }
      dueMs = Math.max(dueMs, roundMs + ROUND_MS_MIN);
    } while (feed.loop);
  }

  /**
   * Waits for a part's turn and for a reader; gives the time from which the next turn counts.
   *
   * Timers are a little late at each turn, and the pace makes up for it. For a reader who came late it does not.
   */
  async #turn(dueMs: number, signal: AbortSignal): Promise<number> {
    await this.#waitUntil(dueMs, signal);
    const askedMs = this.#clock.clock.monotonicMs();
    await this.#opened().ready(signal);
    return dueMs + this.#clock.clock.monotonicMs() - askedMs;
  }

  async #waitUntil(dueMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#clock;
    for (
      let leftMs = dueMs - clock.monotonicMs();
      leftMs > 0;
      leftMs = dueMs - clock.monotonicMs()
    ) {
      // In a loop, since timers may fire some microseconds early.
      await clock.sleep(leftMs, signal);
    }
    signal.throwIfAborted();
  }

  /** Starts the board again when its power is back, also when nobody asks it anything. */
  #followPower(signal: AbortSignal): Promise<void> {
    const { clock } = this.#clock;
    const bornMs = clock.monotonicMs() - this.#opened().elapsedMs();
    return followWindows(this.#faults.power.outages, { clock, bornMs, signal }, () => {
      this.#hasPower();
    });
  }

  #measure(values: Values, timeMs: number): void {
    if (!this.#hasPower()) return;
    const elapsedMs = this.#opened().elapsedMs();
    const seen = this.#faults.values(values, elapsedMs);
    const boardMs = timeMs + this.#faults.clockErrorMs(elapsedMs);
    for (const chunk of this.#board?.measure(seen, boardMs) ?? []) this.#opened().send(chunk);
    for (const { bytes, to } of this.#messages?.report(seen, boardMs) ?? [])
      this.#opened().send(bytes, to);
  }

  #receive(chunk: Uint8Array): void {
    if (!this.#hasPower()) return;
    for (const answer of this.#board?.receive(chunk, this.#boardMs()) ?? [])
      this.#opened().send(answer);
  }

  /** Says whether the board has power, and starts it where it has got it back since it was asked last. */
  #hasPower(): boolean {
    const line = this.#opened();
    const { isOn, restarts } = this.#faults.power.at(line.elapsedMs());
    if (!isOn || restarts === this.#restarts) return isOn;
    this.#restarts = restarts;
    for (const chunk of this.#board?.restart(this.#boardMs()) ?? []) line.send(chunk);
    return true;
  }

  #boardMs(): number {
    const timeMs = this.#recordedMs ?? this.#clock.nowMs();
    return timeMs + this.#faults.clockErrorMs(this.#opened().elapsedMs());
  }

  #opened(): StationLine {
    if (this.#line === undefined) throw new Error("a station is used before it is open");
    return this.#line;
  }
}
