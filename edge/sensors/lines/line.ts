/**
 * The line to a sensor, kept open: opened again after it was lost, and watched for silence.
 *
 * What a line is made of comes in as a `Connect`; those there are stand beside this file (docs/drivers.md, "Lines").
 */

import type { Clock } from "../../../platform/clock.ts";
import type { Random } from "../../../platform/random.ts";
import { BackOff } from "../../../platform/back-off.ts";

/** An open connection to a sensor. */
export interface Connection {
  /** Sends bytes; `false` where they were dropped, because too much waits already or the connection is lost. */
  write(bytes: Uint8Array): boolean;

  /** Ends the connection and resolves when it is closed; may be called again, never rejects. */
  close(): Promise<void>;
}

/** What a connection tells. Called never before `Connect` has resolved, and never during a call of ours. */
export interface ConnectionEvents {
  /**
   * Bytes that arrived; the memory is the connection's again after the call.
   *
   * Gives how many readings came of them, as far as the listener knows: some senders want to be told.
   */
  bytes(chunk: Uint8Array): number | undefined;

  /** Bytes came and were not taken: too many in one message, or too many messages. */
  refused?(bytes: number): void;

  /** The connection is lost or closed: said once, and nothing after it. */
  closed(cause: Error | undefined): void;
}

/**
 * Opens a connection.
 *
 * Rejects with the system's error, and as soon as `signal` is aborted; nothing stays open after a rejection.
 */
export type Connect = (events: ConnectionEvents, signal: AbortSignal) => Promise<Connection>;

/** `silent` is open, with nothing heard for a while. */
export type LineState = "closed" | "open" | "silent";

/** Who listens to a line. All times are monotonic milliseconds. */
export interface LineHandlers {
  opened(atMs: number): void;

  /** Bytes that arrived; not to be kept after the call. Gives how many readings came of them, as far as that is known. */
  bytes(chunk: Uint8Array, atMs: number): number | undefined;

  /** The line was lost, or, where it was not open, a try to open it failed. Another try follows by itself. */
  closed(atMs: number, cause: Error | undefined): void;

  /** Nothing was heard for `silentMs`; said once, until bytes arrive again. */
  silent(atMs: number): void;
}

/** What a line counts; numbers only grow. */
export interface LineCounters {
  opened: number;
  openingsFailed: number;
  /** Times that an open line was lost. */
  lost: number;
  bytesRead: number;
  bytesWritten: number;
  /** Bytes that could not be sent. */
  bytesDropped: number;
  /** Bytes that came and were not taken: too many in one message, or too many messages. */
  bytesRefused: number;
}

/** What a line needs. */
export interface LineParts {
  readonly connect: Connect;
  readonly handlers: LineHandlers;
  readonly clock: Clock;
  readonly random: Random;
  /** How long a line may say nothing before it counts as silent, 60 s unless given. */
  readonly silentMs?: number;
}

const SILENT_MS = 60_000;
const OPENING_LIMIT_MS = 15_000;
/** A sensor that is plugged in again should be there before a person looks for it. */
const REOPEN_LIMITS = { firstMs: 500, mostMs: 15_000 };

/** See the head of the file. */
export class Line {
  private readonly parts: LineParts;
  private readonly silentMs: number;
  private readonly backOff: BackOff;
  private readonly counts: LineCounters = {
    opened: 0,
    openingsFailed: 0,
    lost: 0,
    bytesRead: 0,
    bytesWritten: 0,
    bytesDropped: 0,
    bytesRefused: 0,
  };
  private connection: Connection | undefined;
  private heardMs = 0;
  private isSilent = false;
  private cancelWatch: () => void = () => undefined;

  constructor(parts: LineParts) {
    this.parts = parts;
    this.silentMs = parts.silentMs ?? SILENT_MS;
    this.backOff = new BackOff(parts.random, REOPEN_LIMITS);
  }

  get state(): LineState {
    if (this.connection === undefined) return "closed";
    return this.isSilent ? "silent" : "open";
  }

  /** A copy of the counters. */
  counters(): LineCounters {
    return { ...this.counts };
  }

  /** Keeps the line open until `signal` is aborted, then resolves with the line closed. To be called once. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.session(signal);
      if (signal.aborted) break;
      await this.parts.clock.sleep(this.backOff.nextMs(), signal).catch(() => undefined);
    }
  }

  /** Sends bytes to the sensor, or drops them; `false` where it dropped them. */
  write(bytes: Uint8Array): boolean {
    const isSent = this.connection?.write(bytes) ?? false;
    if (isSent) this.counts.bytesWritten += bytes.length;
    else this.counts.bytesDropped += bytes.length;
    return isSent;
  }

  /** Opens the line and stays until it is lost or `signal` is aborted. */
  private async session(signal: AbortSignal): Promise<void> {
    const { handlers, clock } = this.parts;
    let lose: (cause: Error | undefined) => void = () => undefined;
    const lost = new Promise<Error | undefined>((resolve) => (lose = resolve));
    const events: ConnectionEvents = {
      bytes: (chunk) => this.hear(chunk),
      refused: (bytes) => void (this.counts.bytesRefused += bytes),
      closed: lose,
    };
    let connection: Connection;
    try {
      connection = await this.connect(events, signal);
    } catch (error) {
      if (signal.aborted) return;
      this.counts.openingsFailed += 1;
      handlers.closed(clock.monotonicMs(), asError(error));
      return;
    }
    this.begin(connection);
    const stop = (): void => void connection.close().then(() => lose(undefined));
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    const cause = await lost;
    signal.removeEventListener("abort", stop);
    // Even a lost connection may hold its file open.
    await connection.close();
    this.end();
    if (!signal.aborted) this.counts.lost += 1;
    handlers.closed(clock.monotonicMs(), cause);
  }

  /** Connects within the limit. */
  private async connect(events: ConnectionEvents, signal: AbortSignal): Promise<Connection> {
    const attempt = new AbortController();
    const abort = (): void => attempt.abort(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    const cancel = this.parts.clock.after(OPENING_LIMIT_MS, () => {
      attempt.abort(new Error(`did not open within ${OPENING_LIMIT_MS} ms`));
    });
    try {
      return await this.parts.connect(events, attempt.signal);
    } finally {
      cancel();
      signal.removeEventListener("abort", abort);
    }
  }

  private begin(connection: Connection): void {
    this.connection = connection;
    this.counts.opened += 1;
    this.heardMs = this.parts.clock.monotonicMs();
    this.isSilent = false;
    this.watch(this.silentMs);
    this.parts.handlers.opened(this.heardMs);
  }

  private end(): void {
    this.connection = undefined;
    this.isSilent = false;
    this.cancelWatch();
  }

  private hear(chunk: Uint8Array): number | undefined {
    this.heardMs = this.parts.clock.monotonicMs();
    this.counts.bytesRead += chunk.length;
    this.backOff.reset();
    if (this.isSilent) {
      this.isSilent = false;
      this.watch(this.silentMs);
    }
    return this.parts.handlers.bytes(chunk, this.heardMs);
  }

  /** Looks in `ms` whether anything was heard meanwhile: one timer a while instead of one a chunk. */
  private watch(ms: number): void {
    this.cancelWatch = this.parts.clock.after(ms, () => {
      const nowMs = this.parts.clock.monotonicMs();
      const leftMs = this.heardMs + this.silentMs - nowMs;
      if (leftMs > 0) this.watch(leftMs);
      else {
        this.isSilent = true;
        this.parts.handlers.silent(nowMs);
      }
    });
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error("the line did not open", { cause: error });
}
