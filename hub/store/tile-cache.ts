/** Tiles read lately, as many as fit a bound. A name always has the same content, so nothing ever goes stale. */

/** Reads and remembers. Concurrent reads of one name share one look at the disk. */
export class TileCache {
  readonly #bytesMax: number;
  readonly #load: (path: string) => Promise<Uint8Array | undefined>;
  /** In order of use, the one used longest ago first. */
  readonly #tiles = new Map<string, Uint8Array>();
  readonly #loading = new Map<string, Promise<Uint8Array | undefined>>();
  #bytes = 0;

  constructor(bytesMax: number, load: (path: string) => Promise<Uint8Array | undefined>) {
    this.#bytesMax = bytesMax;
    this.#load = load;
  }

  /** Gives a tile, which the caller must not change; `undefined` where there is none, which is not remembered. */
  read(path: string): Promise<Uint8Array | undefined> {
    const known = this.#tiles.get(path);
    if (known !== undefined) {
      this.#tiles.delete(path);
      this.#tiles.set(path, known);
      return Promise.resolve(known);
    }
    let loading = this.#loading.get(path);
    if (loading === undefined) {
      loading = this.#fetch(path).finally(() => this.#loading.delete(path));
      this.#loading.set(path, loading);
    }
    return loading;
  }

  async #fetch(path: string): Promise<Uint8Array | undefined> {
    const bytes = await this.#load(path);
    if (bytes !== undefined) this.#keep(path, bytes);
    return bytes;
  }

  #keep(path: string, bytes: Uint8Array): void {
    if (bytes.length > this.#bytesMax) return;
    this.#tiles.set(path, bytes);
    this.#bytes += bytes.length;
    for (const [oldest, tile] of this.#tiles) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#tiles.delete(oldest);
      this.#bytes -= tile.length;
    }
  }
}
