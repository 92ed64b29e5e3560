/** A published log in memory: the files that a hub would write, for tests that change them. */

import { encodeUtf8 } from "../../ledger/bytes.ts";
import type { LogSource } from "../../ledger/log-source.ts";
import { TileBuilder, tilePath } from "../../ledger/tile.ts";

/** Files by path; changing them changes the log. */
export class MemoryLog implements LogSource {
  readonly files: Map<string, Uint8Array> = new Map();

  constructor(entries: readonly Uint8Array[], checkpoint: string) {
    for (const file of new TileBuilder().grow(entries)) this.files.set(tilePath(file), file.bytes);
    this.files.set("checkpoint", encodeUtf8(checkpoint));
  }

  read(path: string): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.files.get(path)?.slice());
  }

  async *list(): AsyncIterable<string> {
    const paths = await Promise.resolve([...this.files.keys()]);
    yield* paths.filter((path) => path.startsWith("tile/"));
  }
}
