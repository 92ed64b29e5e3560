/**
 * One camera of one device: who looks, and whether the edge is to make the picture.
 *
 * The picture is made only while somebody looks, and a few seconds longer, so that a page that is loaded again does not
 * start the transcoder anew. A camera outlives its device's connection for as long as somebody waits for it.
 */

import type { Clock } from "../../platform/clock.ts";
import type { Closing } from "./closing.ts";
import type { PreviewFigures } from "./figures.ts";
import type { PreviewLimits } from "./limits.ts";
import { TransportStream } from "./transport-stream.ts";
import type { View } from "./view.ts";

/** The hub's end of a device's connection, as the relay uses it. Nothing of it may throw. */
export interface EdgeLink {
  start(index: number): void;
  stop(index: number): void;
  /** Ends the connection; its seat is over for the relay already. */
  close(reason: Closing): void;
}

/** What a feed is made of. */
export interface FeedParts {
  readonly clock: Clock;
  readonly limits: PreviewLimits;
  readonly figures: PreviewFigures;
}

/** How a camera is shown whose device is not connected. */
export const AWAY = "away";

/** See the head of the file. */
export class CameraFeed {
  readonly camera: string;
  readonly #parts: FeedParts;
  readonly #views = new Set<View>();
  #state = AWAY;
  #edge: { readonly link: EdgeLink; readonly index: number } | undefined;
  /** Set between start and stop. */
  #stream: TransportStream | undefined;
  #cancelLinger: (() => void) | undefined;
  /** Until then pictures that nobody asks for may still be on their way. */
  #quietFromMs = Number.NEGATIVE_INFINITY;
  #isReminded = false;

  constructor(camera: string, parts: FeedParts) {
    this.camera = camera;
    this.#parts = parts;
  }

  get state(): string {
    return this.#state;
  }

  get viewers(): number {
    return this.#views.size;
  }

  /** Whether the edge has been told to make the picture. */
  get isStarted(): boolean {
    return this.#stream !== undefined;
  }

  /** Says that the device is connected, and under which number it sends this camera. */
  attach(link: EdgeLink, index: number, state: string): void {
    this.#edge = { link, index };
    this.#quietFromMs = Number.NEGATIVE_INFINITY;
    this.#isReminded = false;
    this.setState(state);
    if (this.#views.size > 0) this.#start();
  }

  /** Says that the device is gone. Whoever looks may wait for it. */
  detach(): void {
    this.#cancelLinger?.();
    this.#cancelLinger = undefined;
    this.#edge = undefined;
    this.#stream = undefined;
    this.setState(AWAY);
  }

  setState(state: string): void {
    if (state === this.#state) return;
    this.#state = state;
    for (const view of this.#views) view.link.tell(state);
  }

  /** Lets a viewer look. */
  add(view: View): void {
    this.#cancelLinger?.();
    this.#cancelLinger = undefined;
    this.#views.add(view);
    view.link.tell(this.#state);
    this.#start();
  }

  /** Says that a viewer has left; repeating it does nothing. */
  remove(view: View): void {
    if (!this.#views.delete(view) || this.#views.size > 0 || !this.isStarted) return;
    const { clock, limits } = this.#parts;
    this.#cancelLinger = clock.after(limits.lingerMs, () => this.#stop());
  }

  /** Ends all views. */
  dismiss(reason: Closing): void {
    for (const view of this.#views) {
      this.remove(view);
      view.link.close(reason);
    }
  }

  /** Takes a message of pictures. Gives why the edge is to be cut off, if it is. */
  take(bytes: Uint8Array): Closing | undefined {
    const { figures } = this.#parts;
    figures.bytesIn += bytes.length;
    if (this.#stream === undefined) return this.#takeStray(bytes);
    const parts = this.#stream.read(bytes);
    if (typeof parts === "string") return "malformed";
    const { tables } = this.#stream;
    for (const part of parts) {
      for (const view of this.#views) {
        const closing = view.take(part, tables);
        if (closing === undefined) continue;
        this.remove(view);
        view.link.close(closing);
      }
    }
    return undefined;
  }

  /** Pictures that nobody asked for: borne for a moment, then answered by another stop, then by the end. */
  #takeStray(bytes: Uint8Array): Closing | undefined {
    const { clock, limits, figures } = this.#parts;
    figures.strayBytes += bytes.length;
    const nowMs = clock.monotonicMs();
    if (nowMs < this.#quietFromMs) return undefined;
    if (this.#isReminded) return "unasked";
    this.#isReminded = true;
    this.#quietFromMs = nowMs + limits.strayMsMax;
    this.#edge?.link.stop(this.#edge.index);
    return undefined;
  }

  #start(): void {
    if (this.#edge === undefined || this.#stream !== undefined) return;
    this.#stream = new TransportStream(this.#parts.limits.pictureBytesMax);
    for (const view of this.#views) view.restart();
    this.#edge.link.start(this.#edge.index);
  }

  #stop(): void {
    const { clock, limits } = this.#parts;
    this.#cancelLinger = undefined;
    this.#stream = undefined;
    this.#isReminded = false;
    this.#quietFromMs = clock.monotonicMs() + limits.strayMsMax;
    this.#edge?.link.stop(this.#edge.index);
  }
}
