/**
 * Dropped readings that no pack has owned up to yet, kept over a restart (docs/edge.md, "The bound").
 *
 * A small file beside the outbox: counts by stream, and the number of the statement that comes next. The first pack of a
 * stream from there on owns up to what stood in the file, so a file that outlives that pack counts for nothing: what is
 * gone is never counted twice, whenever the power goes. Cards wear out, so it is written only where it would say too
 * little: when a count has changed, one of its streams has spoken, or the outbox may give back what tells whether one has.
 */

import { z } from "zod";
import { decodeUtf8, encodeUtf8 } from "../../ledger/bytes.ts";
import { Refusal } from "../../ledger/errors.ts";
import { decodeStatement } from "../../ledger/statement.ts";
import type { Files } from "../../platform/files.ts";
import type { OutboxRecord } from "../outbox/outbox-format.ts";
import type { Outbox } from "../outbox/outbox.ts";

const count = z.number().int().min(0);
const shape = z.object({ seq: count, streams: z.record(z.string(), count) });

/** Readings by stream. */
export type OwedCounts = ReadonlyMap<string, number>;

/** What a file says. */
type Said = z.infer<typeof shape>;

/** See the head of the file. */
export class Owed {
  private readonly files: Files;
  private readonly path: string;
  private readonly outbox: Outbox;
  private isThere = false;
  /** What the file says, as far as that is known. */
  private kept: Said | undefined;
  /** Up to this number no stream in the file has spoken since it was written. */
  private silentTo = 0;

  /** Keeps the counts in the file `path`. */
  constructor(files: Files, path: string, outbox: Outbox) {
    this.files = files;
    this.path = path;
    this.outbox = outbox;
  }

  /** Reads what is still owed. A file that cannot be read or understood counts for nothing. */
  async load(): Promise<OwedCounts> {
    const bytes = await this.files.read(this.path).catch(() => undefined);
    if (bytes === undefined) return new Map();
    this.isThere = true;
    const parsed = shape.safeParse(parseJson(decodeUtf8(bytes) ?? ""));
    if (!parsed.success) return new Map();
    const { seq, streams } = parsed.data;
    const spoken = await this.spokenSince(seq);
    if (spoken === undefined) return new Map();
    this.kept = parsed.data;
    this.silentTo = seq;
    return new Map(Object.entries(streams).filter(([stream]) => !spoken.has(stream)));
  }

  /**
   * Keeps what is owed now; without anything there is no file. Rejects with the disk's error.
   *
   * Everything signed has to be flushed: the counts are those behind the last statement that is safe.
   */
  async save(counts: OwedCounts): Promise<void> {
    const streams = [...counts]
      .filter(([, owed]) => owed > 0)
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
    if (streams.length === 0) {
      if (this.isThere) await this.files.remove(this.path);
      this.isThere = false;
      this.kept = undefined;
      return;
    }
    const seq = this.outbox.tail?.seq ?? 0;
    const said = { seq, streams: Object.fromEntries(streams) };
    if (await this.isGood(said)) return;
    // Whatever becomes of it, the file is no longer what it was.
    this.kept = undefined;
    this.isThere = true;
    await this.files.write(this.path, encodeUtf8(`${JSON.stringify(said)}\n`));
    this.kept = said;
    this.silentTo = seq;
  }

  /** Whether a start from the file as it is would come to the same as one from `said`. */
  private async isGood(said: Said): Promise<boolean> {
    const { kept, outbox } = this;
    if (kept === undefined || JSON.stringify(kept.streams) !== JSON.stringify(said.streams))
      return false;
    // Older segments may go at any time, and a start must not have to read many of them.
    if (kept.seq < outbox.newestFrom) return false;
    const spoken = await this.spokenSince(this.silentTo);
    if (spoken === undefined || Object.keys(kept.streams).some((stream) => spoken.has(stream)))
      return false;
    this.silentTo = said.seq;
    return true;
  }

  /** The streams that have packs from `seq` on; `undefined` where nobody can tell any more. */
  private async spokenSince(seq: number): Promise<ReadonlySet<string> | undefined> {
    const { outbox } = this;
    const spoken = new Set<string>();
    // Numbers that were skipped behind a torn end never were statements.
    for (let at = seq; at < (outbox.tail?.follows ?? 0); at++) {
      const record = await outbox.read(at);
      if (record === undefined) return undefined;
      const stream = streamOf(record);
      if (stream !== undefined) spoken.add(stream);
    }
    return spoken;
  }
}

/** The stream of a pack that was signed for the first time. */
function streamOf({ statement, replaces, gap }: OutboxRecord): string | undefined {
  if (replaces !== undefined || gap !== undefined) return undefined;
  const decoded = decodeStatement(statement);
  return decoded instanceof Refusal ? undefined : decoded.stream;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
