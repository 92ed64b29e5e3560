/**
 * Which entries are whose: the indexes of everything that a name has said, in order.
 */

import type { Cursor, IndexDb, Shelf } from "../index-db.ts";
import type { ProjectedEntry } from "./entry-feed.ts";
import { cursorAfter } from "./projection.ts";
import type { Projection } from "./projection.ts";

const VERSION = 1;
const PRESENT = Uint8Array.of(1);

/** See the head of the file. */
export class Issuers implements Projection {
  readonly name: string = "issuers";
  readonly #shelf: Shelf;

  private constructor(shelf: Shelf) {
    this.#shelf = shelf;
  }

  /** Opens the table. */
  static async open(db: IndexDb): Promise<Issuers> {
    return new Issuers(await db.shelf("issuers", VERSION));
  }

  get cursor(): Cursor {
    return this.#shelf.cursor;
  }

  /** Gives the indexes of entries of a name, ascending, from index `from` on. */
  entriesOf(name: string, from: number, limit: number): number[] {
    const { table } = this.#shelf;
    const end = [name, Number.MAX_SAFE_INTEGER];
    return [...table.range([name, from], end, limit)].map(({ key }) => key[1] as number);
  }

  async take(entries: readonly ProjectedEntry[]): Promise<void> {
    await this.#shelf.commit(cursorAfter(entries), () => {
      for (const { index, statement } of entries) {
        this.#shelf.table.put([statement.issuer, index], PRESENT);
      }
    });
  }

  reset(): Promise<void> {
    return this.#shelf.clear();
  }
}
