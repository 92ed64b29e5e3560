/**
 * A disk that says how long its syncs take: what limits how fast a hub can answer for what it was given.
 */

import type { Clock } from "../platform/clock.ts";
import type { AppendFile, Files } from "../platform/files.ts";

/** Gives the same disk; `observe` is called with the seconds of each sync of a growing file, failed ones too. */
export function timedFiles(
  files: Files,
  clock: Pick<Clock, "monotonicMs">,
  observe: (seconds: number) => void,
): Files {
  return {
    read: (path) => files.read(path),
    readRange: (path, offset, length) => files.readRange(path, offset, length),
    write: (path, bytes, options) => files.write(path, bytes, options),
    list: (folder) => files.list(folder),
    remove: (path) => files.remove(path),
    makeFolder: (path, options) => files.makeFolder(path, options),
    open: async (path) => timedFile(await files.open(path), clock, observe),
    exists: (path) => files.exists(path),
    facts: (path) => files.facts(path),
  };
}

function timedFile(
  file: AppendFile,
  clock: Pick<Clock, "monotonicMs">,
  observe: (seconds: number) => void,
): AppendFile {
  return {
    get size() {
      return file.size;
    },
    append: (bytes) => file.append(bytes),
    read: (offset, length) => file.read(offset, length),
    truncate: (size) => file.truncate(size),
    close: () => file.close(),
    sync: async () => {
      const startMs = clock.monotonicMs();
      try {
        await file.sync();
      } finally {
        observe((clock.monotonicMs() - startMs) / 1000);
      }
    },
  };
}
