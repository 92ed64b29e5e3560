/**
 * The channel of a device's live pictures: dials the hub, says how the cameras are, and shows what the hub asks for
 * (docs/preview.md).
 *
 * It has nothing to do with statements: what goes over it is signed by nobody and kept nowhere. Pictures are made only
 * while the hub asks for them, and end with the connection.
 */

import type { Signer } from "../../ledger/signature.ts";
import { BackOff } from "../../platform/back-off.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Logger } from "../../platform/log.ts";
import type { Random } from "../../platform/random.ts";
import { signLoginToken } from "../../ledger/login-token.ts";
import type { ClockSource } from "../time/clock-source.ts";
import { CameraRun } from "./camera-run.ts";
import { PreviewConnection, PREVIEW_CONNECTION_LIMITS } from "./preview-connection.ts";
import type { PreviewAddress, PreviewConnectionLimits } from "./preview-connection.ts";
import type { CameraState, PreviewSource } from "./preview-source.ts";
import { formatAnnouncement, PICTURE_MESSAGE_BYTES_MAX } from "./preview-words.ts";

/** What a channel is made of. */
export interface PreviewChannelParts {
  readonly device: string;
  readonly origin: string;
  readonly signer: Signer;
  readonly address: PreviewAddress;
  /** One or more; their order is that of their numbers. */
  readonly sources: readonly PreviewSource[];
  readonly time: Pick<ClockSource, "nowMs">;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly limits?: PreviewConnectionLimits | undefined;
}

/** How the channel is. */
export interface PreviewStatus {
  readonly isConnected: boolean;
  readonly connections: number;
  readonly connectionsFailed: number;
  readonly bytesSent: number;
  /** Bytes that a slow line has cost. */
  readonly bytesDropped: number;
  readonly cameras: readonly {
    readonly camera: string;
    readonly state: CameraState;
    /** Whether the hub has asked for the picture. */
    readonly isWatched: boolean;
  }[];
}

const RECONNECT = { firstMs: 1_000, mostMs: 60_000 };
/** A word in a second at most: the hub bounds how often it is spoken to. */
const LOOK_EVERY_MS = 1_000;

/** See the head of the file. */
export class PreviewChannel {
  readonly #parts: PreviewChannelParts;
  readonly #reconnects: BackOff;
  readonly #runs: readonly CameraRun[];
  #connection: PreviewConnection | undefined;
  #failuresInARow = 0;
  #connections = 0;
  #connectionsFailed = 0;
  /** Of connections that are over. */
  #bytesSent = 0;
  #bytesDropped = 0;

  constructor(parts: PreviewChannelParts) {
    const { sources, clock, random, logger } = parts;
    this.#parts = parts;
    this.#reconnects = new BackOff(random, RECONNECT);
    this.#runs = sources.map(
      (source, index) =>
        new CameraRun({
          source,
          clock,
          random,
          logger,
          pieceBytesMax: PICTURE_MESSAGE_BYTES_MAX - 1,
          take: (packets) => this.#connection?.show(index, packets),
        }),
    );
  }

  /** Says how it is, now. */
  status(): PreviewStatus {
    return {
      isConnected: this.#connection !== undefined,
      connections: this.#connections,
      connectionsFailed: this.#connectionsFailed,
      bytesSent: this.#bytesSent + (this.#connection?.bytesSent ?? 0),
      bytesDropped: this.#bytesDropped + (this.#connection?.bytesDropped ?? 0),
      cameras: this.#parts.sources.map((source, index) => ({
        camera: source.camera,
        state: source.state(),
        isWatched: this.#runs[index]!.isWanted,
      })),
    };
  }

  /** Connects, and connects again, until the signal; resolves when all pictures have ended. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#parts;
    while (!signal.aborted) {
      try {
        const reason = await this.#connectOnce(signal);
        if (reason) logger.info({ reason: reason.message }, "the channel of live pictures ended");
        this.#failuresInARow = 0;
      } catch (error) {
        this.#connectionsFailed += 1;
        this.#failuresInARow += 1;
        // The first one is news; an hour without network is not worth a thousand lines.
        const level = this.#failuresInARow === 1 ? "warn" : "debug";
        logger[level]({ reason: (error as Error).message }, "no channel for live pictures");
      }
      await clock.sleep(this.#reconnects.nextMs(), signal).catch(() => undefined);
    }
    await Promise.all(this.#runs.map((run) => run.close()));
  }

  async #connectOnce(signal: AbortSignal): Promise<Error | undefined> {
    const { address, clock, logger, limits = PREVIEW_CONNECTION_LIMITS } = this.#parts;
    const beganMs = clock.monotonicMs();
    const connection = await PreviewConnection.open(
      {
        address,
        token: this.#token(),
        clock,
        limits,
        ordered: ({ order, index }) => this.#runs[index]?.[order](),
      },
      signal,
    );
    this.#connections += 1;
    this.#connection = connection;
    logger.info({}, "the channel of live pictures is open");
    const stopLooking = this.#announce(connection);
    const close = (): void => void connection.close();
    signal.addEventListener("abort", close, { once: true });
    if (signal.aborted) close();
    const reason = await connection.ended;
    signal.removeEventListener("abort", close);
    stopLooking();
    for (const run of this.#runs) run.stop();
    this.#connection = undefined;
    this.#bytesSent += connection.bytesSent;
    this.#bytesDropped += connection.bytesDropped;
    // Two machines that throw each other out must not do so once a second for ever.
    if (clock.monotonicMs() - beganMs >= RECONNECT.mostMs) this.#reconnects.reset();
    return reason;
  }

  /** Says which cameras there are, and again whenever one changes; gives what ends that. */
  #announce(connection: PreviewConnection): () => void {
    const { sources, clock } = this.#parts;
    let said = "";
    let cancel = (): void => undefined;
    const look = (): void => {
      const word = formatAnnouncement(
        sources.map((source) => ({ camera: source.camera, state: source.state() })),
      );
      if (word !== said) connection.say(word);
      said = word;
      cancel = clock.after(LOOK_EVERY_MS, look);
    };
    look();
    return () => cancel();
  }

  #token(): string {
    const { device, origin, time, signer } = this.#parts;
    const nowMs = time.nowMs();
    if (nowMs === undefined) throw new Error("no clock is believed yet, so no login can be signed");
    return signLoginToken({ device, origin, issuedAt: Math.floor(nowMs / 1000) }, signer);
  }
}
