/**
 * Where a published log is read from: a folder, a web server, memory. The files are those of docs/formats.md, section 8.
 */

/** The files of one published log, by name relative to its root: `checkpoint`, `tile/0/000`, … */
export interface LogSource {
  /**
   * Reads a file whole; `undefined` where the source says that there is none.
   *
   * Rejects where it cannot say (disk, network). May be called concurrently.
   */
  read(path: string): Promise<Uint8Array | undefined>;

  /** Lists the files below `tile/`, in any order; absent for sources that cannot list. */
  list?(): AsyncIterable<string>;
}
