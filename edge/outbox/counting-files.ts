/**
 * A disk that counts what it is asked to make durable, since that is what wears out a card.
 */

import type { AppendFile, Files } from "../../platform/files.ts";
import type { Counters } from "../counters.ts";

/** Counts into `counters` what is written to `files`, and how often it is synced; a folder's sync counts as well. */
export function countingFiles(files: Files, counters: Counters): Files {
  const countSyncs = (count: number): void => void (counters.syncs += count);
  return {
    read: (path) => files.read(path),
    readRange: (path, offset, length) => files.readRange(path, offset, length),
    write: (path, bytes, options) => {
      counters.bytesWritten += bytes.length;
      countSyncs(2);
      return files.write(path, bytes, options);
    },
    list: (folder) => files.list(folder),
    remove: (path) => {
      countSyncs(1);
      return files.remove(path);
    },
    makeFolder: (path, options) => files.makeFolder(path, options),
    open: async (path) => {
      countSyncs(1);
      return countingFile(await files.open(path), counters);
    },
    exists: (path) => files.exists(path),
    facts: (path) => files.facts(path),
  };
}

function countingFile(file: AppendFile, counters: Counters): AppendFile {
  return {
    get size() {
      return file.size;
    },
    append: (bytes) => {
      counters.bytesWritten += bytes.length;
      return file.append(bytes);
    },
    sync: () => {
      counters.syncs += 1;
      return file.sync();
    },
    read: (offset, length) => file.read(offset, length),
    truncate: (size) => {
      counters.syncs += 1;
      return file.truncate(size);
    },
    close: () => file.close(),
  };
}
