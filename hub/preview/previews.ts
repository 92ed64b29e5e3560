/**
 * Live pictures of one hub, put together: relay, doors, and who may look (docs/preview.md).
 *
 * Has no hold on the ledger and none on its disk but for the list of viewers: pictures pass through memory only.
 */

import type { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import type { KeyState } from "../../ledger/registry.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Files } from "../../platform/files.ts";
import type { Logger } from "../../platform/log.ts";
import type { Random } from "../../platform/random.ts";
import type { UpgradeRefusal } from "./closing.ts";
import { EdgeDoor } from "./edge-door.ts";
import { PreviewFigures } from "./figures.ts";
import type { Door } from "./figures.ts";
import { PREVIEW_LIMITS } from "./limits.ts";
import type { PreviewLimits } from "./limits.ts";
import { addressOf, LoginFailures } from "./login-failures.ts";
import { Relay } from "./relay.ts";
import type { ListedCamera } from "./relay.ts";
import { bearerOf } from "./request-head.ts";
import { ViewerDoor } from "./viewer-door.ts";
import type { AskedCamera } from "./viewer-door.ts";
import { maySee, ViewerStore } from "./viewer-store.ts";
import type { Viewer } from "./viewer-store.ts";

/** What live pictures are made of. */
export interface PreviewsParts {
  readonly files: Files;
  /** The data folder. */
  readonly folder: string;
  /** The log's name. */
  readonly origin: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  liveKey(name: string): KeyState | undefined;
  readonly limits?: PreviewLimits | undefined;
}

/** A viewer as the operator sees it. */
export interface ListedViewer extends Viewer {
  /** Views that are open. */
  readonly views: number;
}

/** Where the list of viewers lies in a data folder. */
export function viewersPath(folder: string): string {
  return join(folder, "viewers.json");
}

/** See the head of the file. */
export class Previews {
  readonly figures: PreviewFigures = new PreviewFigures();
  readonly relay: Relay;
  readonly #store: ViewerStore;
  readonly #failures: LoginFailures;
  readonly #edgeDoor: EdgeDoor;
  readonly #viewerDoor: ViewerDoor;

  private constructor(parts: PreviewsParts, store: ViewerStore) {
    const { clock, logger, origin, limits = PREVIEW_LIMITS } = parts;
    const { figures } = this;
    this.#store = store;
    this.relay = new Relay({ clock, limits, figures });
    this.#failures = new LoginFailures(clock, limits);
    const shared = { relay: this.relay, failures: this.#failures, figures, limits, clock, logger };
    this.#edgeDoor = new EdgeDoor({ ...shared, origin, liveKey: (name) => parts.liveKey(name) });
    this.#viewerDoor = new ViewerDoor({ ...shared, store });
  }

  static async open(parts: PreviewsParts): Promise<Previews> {
    const { files, folder, clock, random, logger } = parts;
    const path = viewersPath(folder);
    return new Previews(parts, await ViewerStore.open({ files, path, clock, random, logger }));
  }

  /** Lets a device in that asks for a connection, or says why not. */
  async upgradeEdge(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): Promise<UpgradeRefusal | undefined> {
    const refusal = await this.#edgeDoor.upgrade(request, socket, head);
    if (refusal !== undefined) this.figures.refuse("edge", refusal);
    return refusal;
  }

  /** Opens a viewer's connection, or says why not. */
  upgradeViewer(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    asked: AskedCamera,
  ): UpgradeRefusal | undefined {
    const refusal = this.#viewerDoor.upgrade(request, socket, head, asked);
    if (refusal !== undefined) this.figures.refuse("viewer", refusal);
    return refusal;
  }

  /** Lists the cameras that the viewer may see whose token the request brings, or says why not. */
  camerasFor(request: IncomingMessage): readonly ListedCamera[] | UpgradeRefusal {
    const address = addressOf(request);
    const isBlocked = this.#failures.blockedSeconds(address) > 0;
    const viewer = isBlocked ? undefined : this.#store.find(bearerOf(request) ?? "");
    if (viewer !== undefined) return this.relay.list((device) => maySee(viewer, device));
    if (!isBlocked) this.#failures.note(address);
    const refusal = isBlocked ? "too-many-failures" : "bad-token";
    this.figures.refuse("viewer", refusal);
    return refusal;
  }

  /** After how many seconds whoever makes a request is listened to again. */
  retryAfterSeconds(door: Door, request: IncomingMessage): number {
    if (door === "edge") return this.#edgeDoor.blockedSeconds(request);
    return this.#failures.blockedSeconds(addressOf(request));
  }

  /** Lets somebody look; gives the token. Rejects as `ViewerStore.add`. */
  addViewer(viewer: Omit<Viewer, "createdMs">): Promise<string> {
    return this.#store.add(viewer);
  }

  /** Lets somebody look no longer, and ends what they look at. Rejects as `ViewerStore.remove`. */
  async removeViewer(name: string): Promise<void> {
    const removed = this.#store.remove(name);
    this.#viewerDoor.dismiss(name);
    await removed;
  }

  listViewers(): ListedViewer[] {
    return this.#store
      .list()
      .map((viewer) => ({ ...viewer, views: this.#viewerDoor.viewsOf(viewer.name) }));
  }

  /** Ends the connection of a device whose key was revoked. */
  cut(kid: string): void {
    this.#edgeDoor.cut(kid);
  }

  /** Says goodbye to all, and ends all connections. */
  close(): void {
    this.relay.close("stopping");
    this.#edgeDoor.close();
    this.#viewerDoor.close();
  }
}
