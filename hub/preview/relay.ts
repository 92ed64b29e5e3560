/**
 * Who looks at what: devices with their cameras on one side, viewers on the other (docs/preview.md).
 *
 * Sockets, tokens and limits of connections are the doors' business. Nothing in here is written anywhere, and nothing
 * keeps a picture: bytes of an edge are views on its message until each viewer's connection has sent them.
 */

import { Budget } from "./budget.ts";
import { CameraFeed } from "./camera-feed.ts";
import type { EdgeLink, FeedParts } from "./camera-feed.ts";
import type { Closing } from "./closing.ts";
import { EdgeSeat } from "./edge-seat.ts";
import { View } from "./view.ts";
import type { ViewerLink } from "./view.ts";

/** A camera as viewers are told of it. */
export interface ListedCamera {
  readonly device: string;
  readonly camera: string;
  readonly state: string;
  readonly viewers: number;
}

/** A viewer's place at a camera. */
export interface Watching {
  readonly view: View;
  /** Ends it; repeating it does nothing. */
  leave(): void;
}

/** See the head of the file. */
export class Relay {
  readonly #parts: FeedParts;
  readonly #budget: Budget;
  readonly #seats = new Map<string, EdgeSeat>();
  readonly #feeds = new Map<string, Map<string, CameraFeed>>();
  #views = 0;
  #hasHadCameras = false;

  constructor(parts: FeedParts) {
    this.#parts = parts;
    this.#budget = new Budget(parts.clock, parts.limits.viewerBytesPerSecondMax);
  }

  /** Devices that are connected. */
  get edges(): number {
    return this.#seats.size;
  }

  get viewers(): number {
    return this.#views;
  }

  /** Cameras whose edge has been told to make the picture. */
  get started(): number {
    let count = 0;
    for (const feeds of this.#feeds.values()) {
      for (const feed of feeds.values()) if (feed.isStarted) count += 1;
    }
    return count;
  }

  /** Whether any device has announced a camera since the start. */
  get hasHadCameras(): boolean {
    return this.#hasHadCameras;
  }

  /** Gives a device its seat, and ends the one that it had. */
  enter(device: string, link: EdgeLink): EdgeSeat {
    const previous = this.#seats.get(device);
    previous?.leave();
    previous?.link.close("replaced");
    const seat = new EdgeSeat(
      device,
      link,
      (cameras) => this.#feedsOf(device, cameras),
      (over) => this.#forget(over),
    );
    this.#seats.set(device, seat);
    return seat;
  }

  /** Lets a viewer look at a camera. Gives why not, where it is not there or there are enough viewers. */
  watch(device: string, camera: string, link: ViewerLink): Watching | "no-camera" | "full" {
    const feed = this.#feeds.get(device)?.get(camera);
    if (feed === undefined) return "no-camera";
    const { limits } = this.#parts;
    if (feed.viewers >= limits.viewersPerCameraMax || this.#views >= limits.viewersMax) {
      return "full";
    }
    const view = new View({ ...this.#parts, link, budget: this.#budget });
    this.#views += 1;
    feed.add(view);
    let isOver = false;
    return {
      view,
      leave: () => {
        if (isOver) return;
        isOver = true;
        this.#views -= 1;
        feed.remove(view);
        this.#sweep(device);
      },
    };
  }

  /** Lists the cameras of the devices that `maySee` names, connected ones and those that somebody waits for. */
  list(maySee: (device: string) => boolean): ListedCamera[] {
    const cameras: ListedCamera[] = [];
    for (const [device, feeds] of this.#feeds) {
      if (!maySee(device)) continue;
      for (const { camera, state, viewers } of feeds.values()) {
        cameras.push({ device, camera, state, viewers });
      }
    }
    return cameras;
  }

  /** Ends everything. */
  close(reason: Closing): void {
    for (const feeds of this.#feeds.values()) {
      for (const feed of feeds.values()) feed.dismiss(reason);
    }
    for (const seat of this.#seats.values()) {
      seat.leave();
      seat.link.close(reason);
    }
  }

  /** The feeds of a device's cameras. Who waits for one that is not among them waits no longer. */
  #feedsOf(device: string, cameras: readonly string[]): CameraFeed[] {
    this.#hasHadCameras = true;
    const known = this.#feeds.get(device);
    const feeds = cameras.map((name) => known?.get(name) ?? new CameraFeed(name, this.#parts));
    this.#feeds.set(device, new Map(feeds.map((feed) => [feed.camera, feed])));
    for (const [name, feed] of known ?? []) if (!cameras.includes(name)) feed.dismiss("no-camera");
    return feeds;
  }

  #forget(seat: EdgeSeat): void {
    if (this.#seats.get(seat.device) === seat) this.#seats.delete(seat.device);
    this.#sweep(seat.device);
  }

  /** Forgets cameras of a device that is gone, once nobody waits for them. */
  #sweep(device: string): void {
    const feeds = this.#feeds.get(device);
    if (feeds === undefined || this.#seats.has(device)) return;
    for (const [name, feed] of feeds) if (feed.viewers === 0) feeds.delete(name);
    if (feeds.size === 0) this.#feeds.delete(device);
  }
}
