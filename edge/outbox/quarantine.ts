/**
 * What could not go into the ledger, kept beside it: refused statements and packs, for a person to look at.
 *
 * Best effort and bounded: the newest are kept, a disk that fails here must not stop anything else.
 */

import type { Files } from "../../platform/files.ts";
import type { Logger } from "../../platform/log.ts";

/** What a quarantine is made of. */
export interface QuarantineParts {
  readonly files: Files;
  readonly folder: string;
  readonly logger: Logger;
  /** Files kept. */
  readonly itemsMax?: number;
}

const ITEMS_MAX = 200;

/** See the head of the file. Names are `<number>-<code>.bin`; the number is a statement's `seq`, or a time. */
export class Quarantine {
  private readonly parts: QuarantineParts;

  constructor(parts: QuarantineParts) {
    this.parts = parts;
  }

  /** Puts `bytes` away under a number and the code of the refusal. The same twice is one file. */
  async put(number: number, code: string, bytes: Uint8Array): Promise<void> {
    const { files, folder, logger, itemsMax = ITEMS_MAX } = this.parts;
    try {
      await files.makeFolder(folder);
      await files.write(`${folder}/${String(number).padStart(16, "0")}-${code}.bin`, bytes);
      const names = await files.list(folder);
      for (const name of names.slice(0, Math.max(0, names.length - itemsMax))) {
        await files.remove(`${folder}/${name}`);
      }
    } catch (error) {
      logger.warn({ error, number, code }, "could not put a refused item into quarantine");
    }
  }
}
