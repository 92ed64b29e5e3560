/** Both ends of a relay for tests: an edge that notes its orders, a viewer that keeps what it gets. */

import type { EdgeLink } from "../../../hub/preview/camera-feed.ts";
import type { Closing } from "../../../hub/preview/closing.ts";
import type { ViewerLink } from "../../../hub/preview/view.ts";

/** An edge's connection. Its orders, and the end, in order. */
export class NotedEdge implements EdgeLink {
  readonly orders: string[] = [];
  closed: Closing | undefined;
  /** Cameras that are started now. A second start or stop in a row throws, unless reminders are wanted. */
  readonly started = new Set<number>();
  bearsReminders = false;

  start(index: number): void {
    if (this.started.has(index)) throw new Error(`camera ${index} is started twice`);
    this.started.add(index);
    this.orders.push(`start ${index}`);
  }

  stop(index: number): void {
    if (!this.started.delete(index) && !this.bearsReminders) {
      throw new Error(`camera ${index} is stopped twice`);
    }
    this.orders.push(`stop ${index}`);
  }

  close(reason: Closing): void {
    this.closed ??= reason;
    this.started.clear();
  }
}

/** A viewer's connection. `queuedBytes` is the test's to set; it grows by itself only where `isStuck`. */
export class KeptViewer implements ViewerLink {
  queuedBytes = 0;
  isStuck = false;
  readonly got: Uint8Array[] = [];
  readonly states: string[] = [];
  closed: Closing | undefined;
  /** Told of the end, as a door would be. */
  onClose: () => void = () => undefined;

  send(bytes: Uint8Array): void {
    this.got.push(bytes);
    if (this.isStuck) this.queuedBytes += bytes.length;
  }

  tell(state: string): void {
    this.states.push(state);
  }

  close(reason: Closing): void {
    this.closed ??= reason;
    this.onClose();
  }

  /** Bytes that came. */
  get bytes(): number {
    return this.got.reduce((sum, { length }) => sum + length, 0);
  }
}
