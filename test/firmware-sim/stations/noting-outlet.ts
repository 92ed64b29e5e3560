/**
 * An outlet without a line, for tests of what stands in front of it.
 */
import type { Outlet } from "../../../firmware-sim/outlet/outlet.ts";

/** An outlet that notes what is done with it. */
export class NotingOutlet implements Outlet {
  readonly address = "memory";
  readonly bytesLost = 0;
  readonly ended: Promise<Error | undefined>;
  readonly notes: string[] = [];
  fail: (error: Error) => void = () => undefined;

  constructor() {
    this.ended = new Promise((resolve) => (this.fail = resolve));
  }

  write(bytes: Uint8Array): void {
    this.notes.push([...bytes].join(" "));
  }

  ready(): Promise<void> {
    return Promise.resolve();
  }

  unplug(): Promise<void> {
    this.notes.push("unplug");
    return Promise.resolve();
  }

  plug(): Promise<void> {
    this.notes.push("plug");
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.notes.push("close");
    return Promise.resolve();
  }
}
