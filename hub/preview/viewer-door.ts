/**
 * Where viewers come in: `/preview/v1/devices/{device}/cameras/{camera}` (docs/preview.md, "The viewer's side").
 *
 * Browsers cannot set headers on a WebSocket, and a token in an address would end in logs: so it is the first word on the
 * connection. Whoever says nothing, or something else, is out. Every view is noted in the hub's own log: who, which
 * camera, from when to when, and nothing of what was to be seen.
 */

import type { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { Clock } from "../../platform/clock.ts";
import type { Logger } from "../../platform/log.ts";
import type { Closing, UpgradeRefusal } from "./closing.ts";
import type { PreviewFigures } from "./figures.ts";
import { WORD_BYTES_MAX } from "./limits.ts";
import type { PreviewLimits } from "./limits.ts";
import { addressOf } from "./login-failures.ts";
import type { LoginFailures } from "./login-failures.ts";
import { PreviewSocket, previewUpgrader } from "./preview-socket.ts";
import type { Relay, Watching } from "./relay.ts";
import { isOwnPage } from "./request-head.ts";
import { maySee } from "./viewer-store.ts";
import type { Viewer, ViewerStore } from "./viewer-store.ts";
import { formatState, parseLogin } from "./words.ts";

/** What the door works with. */
export interface ViewerDoorParts {
  readonly relay: Relay;
  readonly store: Pick<ViewerStore, "find">;
  readonly failures: LoginFailures;
  readonly figures: PreviewFigures;
  readonly limits: PreviewLimits;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Which camera is asked for. */
export interface AskedCamera {
  readonly device: string;
  readonly camera: string;
}

/** A connection, from its opening on. */
interface Session {
  readonly asked: AskedCamera;
  readonly address: string;
  readonly socket: PreviewSocket;
  /** Set once the token was taken. */
  viewer: Viewer | undefined;
  /** Set while pictures may come. */
  watching: Watching | undefined;
  readonly beganMs: number;
  closing: Closing | undefined;
}

/** See the head of the file. */
export class ViewerDoor {
  readonly #parts: ViewerDoorParts;
  readonly #upgrader = previewUpgrader(WORD_BYTES_MAX);
  readonly #sessions = new Set<Session>();

  constructor(parts: ViewerDoorParts) {
    this.#parts = parts;
  }

  /** How many views a viewer has open. */
  viewsOf(name: string): number {
    let count = 0;
    for (const { viewer, watching } of this.#sessions) {
      if (viewer?.name === name && watching !== undefined) count += 1;
    }
    return count;
  }

  /** Opens a connection, or says why not. The request has named the protocol. */
  upgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    asked: AskedCamera,
  ): UpgradeRefusal | undefined {
    if (!isOwnPage(request)) return "bad-origin";
    const address = addressOf(request);
    if (this.#parts.failures.blockedSeconds(address) > 0) return "too-many-failures";
    if (this.#isFullFor(address)) return "full";
    this.#upgrader.handleUpgrade(request, socket, head, (webSocket) => {
      this.#begin(asked, address, webSocket);
    });
    return undefined;
  }

  /** Ends all that a viewer looks at. */
  dismiss(name: string): void {
    for (const session of this.#sessions) {
      if (session.viewer?.name === name) this.#end(session, "removed");
    }
  }

  /** Ends all connections at once; what was to be said was said by the relay. */
  close(): void {
    for (const { socket } of this.#sessions) socket.terminate();
  }

  #isFullFor(address: string): boolean {
    const { limits, relay } = this.#parts;
    let strangers = 0;
    let neighbours = 0;
    for (const session of this.#sessions) {
      if (session.viewer !== undefined) continue;
      strangers += 1;
      if (session.address === address) neighbours += 1;
    }
    return (
      relay.viewers >= limits.viewersMax ||
      strangers >= limits.strangersMax ||
      neighbours >= limits.strangersPerAddressMax
    );
  }

  #begin(asked: AskedCamera, address: string, webSocket: WebSocket): void {
    const { clock, limits } = this.#parts;
    const malformed = (): void => this.#fail(session, "malformed");
    const socket = new PreviewSocket({
      socket: webSocket,
      clock,
      limits,
      events: {
        text: (text) => {
          if (session.viewer === undefined) this.#login(session, text);
          else malformed();
        },
        bytes: malformed,
        ping: () => undefined,
        broken: malformed,
        closed: () => this.#ended(session),
      },
    });
    const session: Session = {
      asked,
      address,
      socket,
      viewer: undefined,
      watching: undefined,
      beganMs: clock.nowMs(),
      closing: undefined,
    };
    this.#sessions.add(session);
    socket.after(limits.firstWordMsMax, () => {
      if (session.viewer === undefined) this.#fail(session, "silent");
    });
  }

  #login(session: Session, text: string): void {
    const token = parseLogin(text);
    if (token === undefined) return this.#fail(session, "malformed");
    const viewer = this.#parts.store.find(token);
    if (viewer === undefined) return this.#fail(session, "bad-token");
    session.viewer = viewer;
    const { device, camera } = session.asked;
    // What is there and may not be seen is answered as what is not there.
    const watching = maySee(viewer, device) ? this.#watch(session) : "no-camera";
    if (typeof watching === "string") return this.#end(session, watching);
    session.watching = watching;
    const { figures, logger, clock } = this.#parts;
    figures.views += 1;
    logger.info({ viewer: viewer.name, device, camera }, "a view began");
    session.socket.after(viewer.expiresMs - clock.nowMs(), () => this.#end(session, "removed"));
  }

  #watch(session: Session): Watching | "no-camera" | "full" {
    const { socket, asked } = session;
    const { device, camera } = asked;
    if (this.#hasEnough(session)) return "full";
    return this.#parts.relay.watch(device, camera, {
      get queuedBytes(): number {
        return socket.queuedBytes;
      },
      send: (bytes) => socket.sendBytes(bytes),
      tell: (state) => socket.sendText(formatState(device, camera, state)),
      close: (reason) => this.#end(session, reason),
    });
  }

  /** Whether a token has as many views as it may. */
  #hasEnough({ viewer, asked }: Session): boolean {
    const { viewsPerTokenMax, viewsPerTokenAndCameraMax } = this.#parts.limits;
    let views = 0;
    let viewsHere = 0;
    for (const other of this.#sessions) {
      if (other.viewer?.name !== viewer?.name || other.watching === undefined) continue;
      views += 1;
      if (other.asked.device === asked.device && other.asked.camera === asked.camera)
        viewsHere += 1;
    }
    return views >= viewsPerTokenMax || viewsHere >= viewsPerTokenAndCameraMax;
  }

  /** Ends a connection whose other side does not know its way in, or has lost it. */
  #fail(session: Session, reason: Closing): void {
    if (session.viewer === undefined) this.#parts.failures.note(session.address);
    this.#end(session, reason);
  }

  #end(session: Session, reason: Closing): void {
    if (session.closing !== undefined) return;
    session.closing = reason;
    session.watching?.leave();
    session.socket.close(reason);
    const { figures, logger } = this.#parts;
    if (reason === "stopping") return;
    figures.refuse("viewer", reason);
    const { viewer, asked } = session;
    // Strangers are counted, and no more: they must not be able to fill the log.
    if (viewer !== undefined) {
      logger.info({ viewer: viewer.name, ...asked, reason }, "a viewer was cut off");
    }
  }

  #ended(session: Session): void {
    this.#sessions.delete(session);
    const { watching, viewer, asked, beganMs } = session;
    if (watching === undefined || viewer === undefined) return;
    watching.leave();
    const { figures, logger, clock } = this.#parts;
    const toMs = clock.nowMs();
    figures.viewMs += Math.max(0, toMs - beganMs);
    const { bytes, pictures, picturesDropped } = watching.view;
    logger.info(
      {
        viewer: viewer.name,
        ...asked,
        from: new Date(beganMs).toISOString(),
        to: new Date(toMs).toISOString(),
        bytes,
        pictures,
        picturesDropped,
      },
      "a view ended",
    );
  }
}
