/**
 * Where devices with cameras come in: `/preview/v1/edge` (docs/preview.md, "The edge's side").
 *
 * Checks the token before there is a connection, reads its words, holds it to its rates, and hands pictures to the relay.
 */

import type { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { encodeUtf8 } from "../../ledger/bytes.ts";
import type { KeyState } from "../../ledger/registry.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Logger } from "../../platform/log.ts";
import { checkDeviceToken, claimedDevice } from "../device-token.ts";
import { Budget } from "./budget.ts";
import type { Closing, UpgradeRefusal } from "./closing.ts";
import type { EdgeSeat } from "./edge-seat.ts";
import type { PreviewFigures } from "./figures.ts";
import { MESSAGE_BYTES_MIN, PICTURE_MESSAGE_BYTES_MAX, WORD_BYTES_MAX } from "./limits.ts";
import type { PreviewLimits } from "./limits.ts";
import { addressOf } from "./login-failures.ts";
import type { LoginFailures } from "./login-failures.ts";
import { PreviewSocket, previewUpgrader } from "./preview-socket.ts";
import type { Relay } from "./relay.ts";
import { bearerOf } from "./request-head.ts";
import { formatOrder, parseAnnouncement } from "./words.ts";

/** What the door works with. */
export interface EdgeDoorParts {
  readonly relay: Relay;
  readonly failures: LoginFailures;
  readonly figures: PreviewFigures;
  readonly limits: PreviewLimits;
  /** The log's name, which tokens are made out to. */
  readonly origin: string;
  readonly clock: Clock;
  readonly logger: Logger;
  liveKey(name: string): KeyState | undefined;
}

/** A device that is connected. */
interface Session {
  readonly key: KeyState;
  readonly socket: PreviewSocket;
  readonly seat: EdgeSeat;
}

/** See the head of the file. */
export class EdgeDoor {
  readonly #parts: EdgeDoorParts;
  readonly #upgrader = previewUpgrader(PICTURE_MESSAGE_BYTES_MAX);
  readonly #sessions = new Set<Session>();
  #loginsPending = 0;

  constructor(parts: EdgeDoorParts) {
    this.#parts = parts;
  }

  /** Lets a device in, or says why not. The request has named the protocol. */
  async upgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): Promise<UpgradeRefusal | undefined> {
    const { failures, limits } = this.#parts;
    // Browsers cannot log in here, so whoever sends them tries something.
    if (request.headers.origin !== undefined) return "bad-origin";
    const token = bearerOf(request) ?? "";
    const device = claimedDevice(token);
    const who = whoIs(device, request);
    if (failures.blockedSeconds(who) > 0) return "too-many-failures";
    const taken = this.#sessions.size + this.#loginsPending;
    if (taken >= limits.edgesMax || this.#loginsPending >= limits.strangersMax) return "full";
    this.#loginsPending += 1;
    const key = await this.#login(device, token).finally(() => {
      this.#loginsPending -= 1;
    });
    if (key === "no-device") return "bad-token";
    if (key === "bad-token") {
      failures.note(who);
      return key;
    }
    this.#upgrader.handleUpgrade(request, socket, head, (webSocket) => {
      this.#begin(key, webSocket);
    });
    return undefined;
  }

  /** For how many seconds more a device that makes such a request is not listened to. */
  blockedSeconds(request: IncomingMessage): number {
    const device = claimedDevice(bearerOf(request) ?? "");
    return this.#parts.failures.blockedSeconds(whoIs(device, request));
  }

  /** Ends the connection that has logged in with this key. */
  cut(kid: string): void {
    for (const session of this.#sessions) {
      if (session.key.kid === kid) this.#end(session, "revoked");
    }
  }

  /** Ends all connections at once; what was to be said was said by the relay. */
  close(): void {
    for (const { socket } of this.#sessions) socket.terminate();
  }

  /** A device that nobody knows is no failure: it waits for its enrolment, and costs no look at a signature. */
  async #login(
    device: string | undefined,
    token: string,
  ): Promise<KeyState | "no-device" | "bad-token"> {
    const { clock, origin, logger } = this.#parts;
    const liveKey = (name: string): KeyState | undefined => this.#parts.liveKey(name);
    if (device === undefined) return "bad-token";
    const rules = { origin, nowMs: clock.nowMs(), liveKey };
    const key = await checkDeviceToken(device, encodeUtf8(token), rules);
    if (!("fault" in key)) {
      // The registry may have changed while the token was checked.
      return liveKey(key.name) === key ? key : "bad-token";
    }
    if (key.fault === "bad-token") {
      logger.warn({ device, reason: key.text }, "a login for live pictures was refused");
    }
    return key.fault;
  }

  #begin(key: KeyState, webSocket: WebSocket): void {
    const { relay, clock, limits, logger } = this.#parts;
    const words = new Budget(clock, limits.wordsPerSecondMax);
    const budget = new Budget(clock, limits.edgeBytesPerSecondMax);
    const socket = new PreviewSocket({
      socket: webSocket,
      clock,
      limits,
      events: {
        text: (text) => this.#takeWord(session, text, words),
        bytes: (bytes) => this.#takePictures(session, bytes, budget),
        ping: () => this.#takePing(session, words),
        broken: () => this.#end(session, "malformed"),
        closed: () => {
          session.seat.leave();
          this.#sessions.delete(session);
          logger.info({ device: key.name }, "a device's live pictures are disconnected");
        },
      },
    });
    const seat = relay.enter(key.name, {
      start: (index) => socket.sendText(formatOrder("start", index)),
      stop: (index) => socket.sendText(formatOrder("stop", index)),
      close: (reason) => this.#end(session, reason),
    });
    const session: Session = { key, socket, seat };
    this.#sessions.add(session);
    logger.info({ device: key.name }, "a device's live pictures are connected");
    socket.after(limits.firstWordMsMax, () => {
      if (!seat.hasAnnounced) this.#end(session, "silent");
    });
  }

  #takeWord(session: Session, text: string, words: Budget): void {
    const { limits } = this.#parts;
    if (words.spend(1) > 0) return this.#end(session, "too-much");
    const cameras =
      text.length > WORD_BYTES_MAX ? undefined : parseAnnouncement(text, limits.camerasPerEdgeMax);
    const closing = cameras === undefined ? "malformed" : session.seat.announce(cameras);
    if (closing !== undefined) this.#end(session, closing);
  }

  /** The first byte says which camera, the rest is whole transport packets. */
  #takePictures(session: Session, bytes: Uint8Array, budget: Budget): void {
    const closing = session.seat.take(bytes[0] ?? -1, bytes.subarray(1));
    if (closing !== undefined) return this.#end(session, closing);
    const debtMs = budget.spend(Math.max(bytes.length, MESSAGE_BYTES_MIN));
    if (debtMs > 0) session.socket.pauseFor(debtMs);
  }

  #takePing(session: Session, words: Budget): void {
    if (words.spend(1) > 0) this.#end(session, "too-much");
  }

  #end({ key, socket, seat }: Session, reason: Closing): void {
    const { figures, logger } = this.#parts;
    seat.leave();
    socket.close(reason);
    if (reason === "stopping") return;
    figures.refuse("edge", reason);
    logger.warn({ device: key.name, reason }, "a device's live pictures were cut off");
  }
}

/** By its name as well: behind one address there may be many devices, and one with a wrong clock among them. */
function whoIs(device: string | undefined, request: IncomingMessage): string {
  return `edge ${device ?? "unknown"} ${addressOf(request)}`;
}
