/**
 * One device's connection in the relay: which number stands for which camera.
 *
 * The list of cameras is fixed by the first announcement; later ones only change how the cameras are. What a device says
 * after its seat is over changes nothing.
 */

import type { CameraFeed, EdgeLink } from "./camera-feed.ts";
import type { Closing } from "./closing.ts";

/** A camera as an edge announces it. */
export interface AnnouncedCamera {
  readonly camera: string;
  readonly state: string;
}

/** See the head of the file. */
export class EdgeSeat {
  readonly device: string;
  readonly link: EdgeLink;
  readonly #feedsOf: (cameras: readonly string[]) => readonly CameraFeed[];
  readonly #left: (seat: EdgeSeat) => void;
  #feeds: readonly CameraFeed[] | undefined;
  #isOver = false;

  /** `feedsOf` finds or makes the device's feeds in the order given; `left` is told once when the seat is over. */
  constructor(
    device: string,
    link: EdgeLink,
    feedsOf: (cameras: readonly string[]) => readonly CameraFeed[],
    left: (seat: EdgeSeat) => void,
  ) {
    this.device = device;
    this.link = link;
    this.#feedsOf = feedsOf;
    this.#left = left;
  }

  get hasAnnounced(): boolean {
    return this.#feeds !== undefined;
  }

  /** Takes the list of cameras, whose names differ. Gives why the edge is to be cut off, if it is. */
  announce(cameras: readonly AnnouncedCamera[]): Closing | undefined {
    if (this.#isOver) return undefined;
    if (this.#feeds === undefined) {
      this.#feeds = this.#feedsOf(cameras.map(({ camera }) => camera));
      for (const [index, feed] of this.#feeds.entries()) {
        feed.attach(this.link, index, cameras[index]!.state);
      }
      return undefined;
    }
    const isSame =
      cameras.length === this.#feeds.length &&
      this.#feeds.every(({ camera }, index) => camera === cameras[index]!.camera);
    if (!isSame) return "malformed";
    for (const [index, feed] of this.#feeds.entries()) feed.setState(cameras[index]!.state);
    return undefined;
  }

  /** Takes pictures of the camera with this number. Gives why the edge is to be cut off, if it is. */
  take(index: number, packets: Uint8Array): Closing | undefined {
    if (this.#isOver) return undefined;
    const feed = this.#feeds?.[index];
    return feed === undefined ? "malformed" : feed.take(packets);
  }

  /** Ends the seat; repeating it does nothing. */
  leave(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const feed of this.#feeds ?? []) feed.detach();
    this.#left(this);
  }
}
