/**
 * What could not go into the ledger, kept beside it: refused statements and packs, for a person to look at.
 *
 * Best effort and bounded: the newest are kept, a disk that fails here must not stop anything else.
 */

import { encodeHex } from "../../ledger/bytes.ts";
import { sha256 } from "../../ledger/sha256.ts";
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

const ITEMS_MAX = 1_000;

/**
 * See the head of the file.
 *
 * Names are `<number>-<code>-<hash>.bin`: a statement's `seq`, or for a pack that was never signed the time in milliseconds,
 * and the first 8 hex digits of the content's SHA-256.
 */
export class Quarantine {
  private readonly parts: QuarantineParts;

  constructor(parts: QuarantineParts) {
    this.parts = parts;
  }

  /** Puts `bytes` away under a number and the code of the refusal; false where the disk fails. The same twice is one file. */
  async put(number: number, code: string, bytes: Uint8Array): Promise<boolean> {
    const { files, folder, logger, itemsMax = ITEMS_MAX } = this.parts;
    try {
      await files.makeFolder(folder);
      await files.write(`${folder}/${numbered(number)}-${code}-${marked(bytes)}`, bytes);
      const names = await files.list(folder);
      for (const name of names.slice(0, Math.max(0, names.length - itemsMax))) {
        await files.remove(`${folder}/${name}`);
        logger.warn({ name, itemsMax }, "the quarantine is full, its oldest item is gone");
      }
      return true;
    } catch (error) {
      logger.warn({ error, number, code }, "could not put a refused item into quarantine");
      return false;
    }
  }

  /** Whether `bytes` were put away under this number, for whatever reason. A disk that cannot be read says no. */
  async has(number: number, bytes: Uint8Array): Promise<boolean> {
    const { files, folder } = this.parts;
    try {
      const names = await files.list(folder);
      return names.some(
        (name) => name.startsWith(numbered(number)) && name.endsWith(marked(bytes)),
      );
    } catch {
      return false;
    }
  }
}

function numbered(number: number): string {
  return String(Math.floor(number)).padStart(16, "0");
}

function marked(bytes: Uint8Array): string {
  return `${encodeHex(sha256(bytes).subarray(0, 4))}.bin`;
}
