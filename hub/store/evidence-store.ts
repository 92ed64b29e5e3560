/**
 * Proofs of misbehaviour, kept for ever: two statements of one key with one `seq`, two roots for one size
 * (docs/formats.md, sections 8 and 10).
 *
 * A file each, named after its content. What the parts mean, and whether they prove anything, whoever puts them here
 * has checked. Each culprit has a bound on its files: the first proofs are as good as a million of them.
 */

import { join } from "node:path";
import { concatBytes, encodeHex } from "../../ledger/bytes.ts";
import { decodeCbor, encodeCbor, isCborMap } from "../../ledger/cbor.ts";
import { Refusal } from "../../ledger/errors.ts";
import { fieldMap } from "../../ledger/kinds/payload.ts";
import { sha256 } from "../../ledger/sha256.ts";
import type { Files } from "../../platform/files.ts";
import type { Logger } from "../../platform/log.ts";

export type EvidenceKind = "equivocation" | "fork";

/** One proof. */
export interface EvidenceRecord {
  readonly kind: EvidenceKind;
  /** Whose misbehaviour: a kid in hex, or the origin of a log. */
  readonly subject: string;
  /** By the hub's clock. */
  readonly foundMs: number;
  /** What contradicts each other: the two statements, or notes as UTF-8 with whatever belongs to them. */
  readonly parts: readonly Uint8Array[];
}

/** A proof without its parts. `id` is its name for ever. */
export interface EvidenceSummary extends Omit<EvidenceRecord, "parts"> {
  readonly id: string;
}

const EVIDENCE_VERSION = 1;
const FILES_PER_SUBJECT_MAX = 16;
const EVIDENCE_NAME = /^(equivocation|fork)-[0-9a-f]{32}\.cbor$/;

/** See the head of the file. */
export class EvidenceStore {
  readonly #files: Files;
  readonly #folder: string;
  readonly #summaries = new Map<string, EvidenceSummary>();
  readonly #countOf = new Map<string, number>();

  private constructor(files: Files, folder: string) {
    this.#files = files;
    this.#folder = folder;
  }

  /** Opens the store and reads what is there. A damaged file is left where it is, and not shown. */
  static async open(files: Files, folder: string, logger: Logger): Promise<EvidenceStore> {
    await files.makeFolder(folder);
    const store = new EvidenceStore(files, folder);
    for (const name of await files.list(folder)) {
      const id = EVIDENCE_NAME.test(name) ? name.slice(0, -".cbor".length) : undefined;
      const bytes = id === undefined ? undefined : await files.read(join(folder, name));
      if (id === undefined || bytes === undefined) continue;
      const record = decodeRecord(bytes);
      if (record === undefined) {
        logger.warn(
          { path: join(folder, name) },
          "a proof of misbehaviour is damaged and left out",
        );
      } else store.#note(id, record);
    }
    return store;
  }

  /** All proofs, in the order in which they were found. */
  list(): EvidenceSummary[] {
    return [...this.#summaries.values()].sort((a, b) => a.foundMs - b.foundMs);
  }

  /** Reads one; `undefined` where there is none. Rejects where the file is damaged. */
  async get(id: string): Promise<EvidenceRecord | undefined> {
    if (!EVIDENCE_NAME.test(`${id}.cbor`)) return undefined;
    const path = this.#pathOf(id);
    const bytes = await this.#files.read(path);
    if (bytes === undefined) return undefined;
    const record = decodeRecord(bytes);
    if (record === undefined) throw new Error(`${path} is damaged, or of another version`);
    return record;
  }

  /**
   * Keeps a proof, durably, and gives its id; the same parts are kept once.
   *
   * `undefined` where its subject has reached the bound, and nothing is kept.
   */
  async put(record: EvidenceRecord): Promise<string | undefined> {
    const print = encodeHex(sha256(concatBytes(...record.parts))).slice(0, 32);
    const id = `${record.kind}-${print}`;
    if (this.#summaries.has(id)) return id;
    if ((this.#countOf.get(record.subject) ?? 0) >= FILES_PER_SUBJECT_MAX) return undefined;
    this.#note(id, record);
    const fields = fieldMap({ v: EVIDENCE_VERSION, ...record, parts: [...record.parts] });
    await this.#files.write(this.#pathOf(id), encodeCbor(fields));
    return id;
  }

  #note(id: string, record: EvidenceRecord): void {
    const { kind, subject, foundMs } = record;
    this.#summaries.set(id, { id, kind, subject, foundMs });
    this.#countOf.set(subject, (this.#countOf.get(subject) ?? 0) + 1);
  }

  #pathOf(id: string): string {
    return join(this.#folder, `${id}.cbor`);
  }
}

/** Reads a file; `undefined` for one that is damaged, or of another version. */
function decodeRecord(bytes: Uint8Array): EvidenceRecord | undefined {
  const map = decodeCbor(bytes);
  if (map instanceof Refusal || !isCborMap(map) || map.get("v") !== EVIDENCE_VERSION) {
    return undefined;
  }
  const kind = map.get("kind");
  const subject = map.get("subject");
  const foundMs = map.get("foundMs");
  const parts = map.get("parts");
  if (kind !== "equivocation" && kind !== "fork") return undefined;
  if (typeof subject !== "string" || typeof foundMs !== "number") return undefined;
  if (!Array.isArray(parts)) return undefined;
  const bytesOnly = parts.filter((part) => part instanceof Uint8Array);
  return bytesOnly.length === parts.length
    ? { kind, subject, foundMs, parts: bytesOnly }
    : undefined;
}
