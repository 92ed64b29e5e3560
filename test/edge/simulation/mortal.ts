/**
 * What a program has of the world until the power goes, or somebody kills it: from then on nothing that it waits for ever
 * comes, and nothing that it asks for is done.
 *
 * So a dead agent stays in memory as a heap of promises that never settle, and cannot touch what its successor uses.
 */

import type { Clock } from "../../../platform/clock.ts";
import type { AppendFile, Files } from "../../../platform/files.ts";

/** One life. */
export class Mortality {
  isDead = false;

  /** Ends it, at once and in the middle of whatever it does. */
  die(): void {
    this.isDead = true;
  }

  /** The result of `work`, as long as there is somebody to hear it. */
  async live<T>(work: () => Promise<T>): Promise<T> {
    if (this.isDead) return never();
    try {
      const result = await work();
      return this.isDead ? await never<T>() : result;
    } catch (error) {
      if (this.isDead) return never();
      throw error;
    }
  }
}

function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}

/** The disk, to one who lives. */
export function mortalFiles(files: Files, life: Mortality): Files {
  return {
    read: (path) => life.live(() => files.read(path)),
    readRange: (path, offset, length) => life.live(() => files.readRange(path, offset, length)),
    write: (path, bytes, options) => life.live(() => files.write(path, bytes, options)),
    list: (folder) => life.live(() => files.list(folder)),
    remove: (path) => life.live(() => files.remove(path)),
    makeFolder: (path) => life.live(() => files.makeFolder(path)),
    open: (path) => life.live(async () => mortalFile(await files.open(path), life)),
    exists: (path) => life.live(() => files.exists(path)),
    facts: (path) => life.live(() => files.facts(path)),
  };
}

function mortalFile(file: AppendFile, life: Mortality): AppendFile {
  return {
    get size() {
      return file.size;
    },
    append: (bytes) => life.live(() => file.append(bytes)),
    sync: () => life.live(() => file.sync()),
    read: (offset, length) => life.live(() => file.read(offset, length)),
    truncate: (size) => life.live(() => file.truncate(size)),
    close: () => life.live(() => file.close()),
  };
}

/** What is wrong with a device's clock. */
export interface ClockFaults {
  /** By how much its wall clock is ahead of true time. */
  skewMs: number;
  /** By how much each wait is longer than it should be. */
  lateMs: number;
}

/** The device's own clock, to one who lives. */
export function mortalClock(clock: Clock, life: Mortality, faults: ClockFaults): Clock {
  const after = (ms: number, run: () => void): (() => void) =>
    clock.after(ms + faults.lateMs, () => {
      if (!life.isDead) run();
    });
  return {
    nowMs: () => Math.max(0, clock.nowMs() + faults.skewMs),
    monotonicMs: () => clock.monotonicMs(),
    after,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const abort = (): void => {
          cancel();
          reject(signal!.reason as Error);
        };
        if (signal?.aborted === true) {
          reject(signal.reason as Error);
          return;
        }
        const cancel = after(ms, () => {
          signal?.removeEventListener("abort", abort);
          resolve();
        });
        signal?.addEventListener("abort", abort, { once: true });
      }),
  };
}
