/**
 * Proofs that a log misbehaved, kept for ever (docs/formats.md, section 8): one JSON file each, never changed.
 *
 * Whoever doubts a proof checks it with nothing else: it holds the signed notes and the entries that contradict them.
 */

import { decodeUtf8, encodeHex, encodeUtf8 } from "../../ledger/bytes.ts";
import { sha256 } from "../../ledger/sha256.ts";
import type { Files } from "../../platform/files.ts";

/** What a log did. Notes are whole signed checkpoints; entries and hashes are base64. */
export type Misbehaviour =
  /** It signed two roots for one size. */
  | {
      readonly kind: "two-roots";
      readonly size: number;
      /** Absent where the first root came from the entries alone. */
      readonly stored?: string | undefined;
      readonly root: string;
      readonly offered: string;
    }
  /**
   * It signed a root that its entries do not give: `seal`, at `size` - 1, is its own statement, whose root `frontier`
   * gives; with the seal's leaf appended it gives `root`, and the checkpoint says another.
   */
  | {
      readonly kind: "wrong-root";
      readonly size: number;
      readonly root: string;
      readonly offered: string;
      readonly seal: string;
      readonly frontier: readonly string[];
    }
  /** It signed a log with an entry in it that breaks the rules; `path` leads from the entry to the signed root. */
  | {
      readonly kind: "refused-entry";
      readonly index: number;
      readonly code: string;
      readonly text: string;
      readonly offered: string;
      readonly entry: string;
      readonly path: readonly string[];
    };

/** A stored proof. */
export interface Fork {
  readonly id: string;
  readonly origin: string;
  readonly foundMs: number;
  readonly misbehaviour: Misbehaviour;
}

/** One is enough to stop cosigning; more tell the story, and without a bound a hub could fill the disk. */
const FORKS_PER_ORIGIN_MAX = 16;

/** The proofs of one peer. */
export class ForkStore {
  readonly #files: Files;
  readonly #folder: string;
  readonly #forks: Fork[];

  private constructor(files: Files, folder: string, forks: Fork[]) {
    this.#files = files;
    this.#folder = folder;
    this.#forks = forks;
  }

  /** Reads the proofs in a folder, and makes the folder if need be. */
  static async open(files: Files, folder: string): Promise<ForkStore> {
    await files.makeFolder(folder);
    const forks: Fork[] = [];
    for (const name of await files.list(folder)) {
      const text = decodeUtf8((await files.read(`${folder}/${name}`)) ?? new Uint8Array(0));
      forks.push(JSON.parse(text ?? "") as Fork);
    }
    return new ForkStore(files, folder, forks);
  }

  /** All proofs, oldest first. */
  all(): readonly Fork[] {
    return this.#forks;
  }

  /** Whether anything is kept against a log. */
  has(origin: string): boolean {
    return this.#forks.some((fork) => fork.origin === origin);
  }

  /** Keeps a proof, durably. The same misbehaviour twice is kept once; beyond 16 of one log, no more. */
  async keep(origin: string, misbehaviour: Misbehaviour, foundMs: number): Promise<Fork> {
    const id = encodeHex(sha256(encodeUtf8(origin + JSON.stringify(misbehaviour)))).slice(0, 16);
    const known = this.#forks.find((fork) => fork.id === id);
    if (known !== undefined) return known;
    const ofOrigin = this.#forks.filter((each) => each.origin === origin);
    if (ofOrigin.length >= FORKS_PER_ORIGIN_MAX) return ofOrigin.at(-1)!;
    const fork: Fork = { id, origin, foundMs, misbehaviour };
    await this.#files.write(`${this.#folder}/${id}.json`, encodeUtf8(JSON.stringify(fork)));
    this.#forks.push(fork);
    return fork;
  }
}
