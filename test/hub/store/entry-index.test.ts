import { describe, expect, test } from "vitest";
import { encodeHex } from "../../../ledger/bytes.ts";
import { asHash, sha256, ZERO_HASH } from "../../../ledger/sha256.ts";
import type { Statement } from "../../../ledger/statement.ts";
import { BlockSummary } from "../../../hub/store/block-summary.ts";
import type { EntryIndex, IndexInput } from "../../../hub/store/entry-index.ts";
import { LmdbEntryIndex } from "../../../hub/store/lmdb-entry-index.ts";
import { MemoryEntryIndex } from "../../../hub/store/memory-entry-index.ts";
import { testScope } from "../../support/scope.ts";

const scope = testScope();

/** A statement as far as the index looks at it: the `index`-th entry, from one of three keys, each `seq` leaping now and then. */
function statementAt(index: number): Statement {
  const bytes = new TextEncoder().encode(`entry ${index}`);
  const kid = encodeHex(sha256(Uint8Array.of(index % 3))).slice(0, 16);
  const kind = index % 5 === 0 ? "salted" : "readings";
  const seq = Math.floor(index / 3) + (index > 500 ? 1000 : 0);
  return { kid, seq, kind, bytes, hash: sha256(bytes) } as Statement;
}

/** Blocks of the given lengths, seals included. */
function* blocks(lengths: readonly number[]): Generator<IndexInput> {
  let first = 0;
  for (const [height, length] of lengths.entries()) {
    const summary = new BlockSummary(first);
    for (let index = first; index < first + length; index++) {
      const statement = statementAt(index);
      summary.add(statement, statement.bytes);
    }
    const index = first + length - 1;
    const hash = statementAt(index).hash;
    yield {
      summary,
      snapshot: new TextEncoder().encode(`snapshot ${height}`.repeat(100)),
      block: {
        height,
        first,
        count: length - 1,
        size: index,
        root: hash,
        prev: ZERO_HASH,
        timeMs: 5,
        index,
        hash,
        sealedRoot: asHash(hash.slice()),
        note: height % 2 ? "note" : undefined,
      },
    };
    first += length;
  }
}

const LENGTHS = [2, 1, 253, 1, 600, 40, 5000];
const TOTAL = LENGTHS.reduce((a, b) => a + b);

function conformance(name: string, open: () => Promise<() => Promise<EntryIndex>>): void {
  describe(name, () => {
    test("finds everything, and nothing else", async () => {
      const index = await (await open())();
      expect(index.cursor()).toBeUndefined();
      for (const input of blocks(LENGTHS)) {
        await index.put(input);
        await index.put(input);
        expect(index.block(input.block.height)).toEqual(input.block);
      }
      checkAll(index);
      await index.close();
    });

    test("is empty after clear", async () => {
      const index = await (await open())();
      for (const input of blocks([3, 4])) await index.put(input);
      await index.clear();
      expect(index.cursor()).toBeUndefined();
      expect(index.findByHash(statementAt(1).hash)).toBeUndefined();
      expect(index.findBySeq(statementAt(1).kid, 0)).toBeUndefined();
      expect(index.block(0)).toBeUndefined();
      for (const input of blocks([3, 4])) await index.put(input);
      expect(index.findByHash(statementAt(6).hash)).toBe(6);
      await index.close();
    });
  });
}

function checkAll(index: EntryIndex): void {
  expect(index.cursor()?.size).toBe(TOTAL);
  for (let at = 0; at < TOTAL; at += at < 1000 ? 1 : 37) {
    const { kid, seq, hash, kind, bytes } = statementAt(at);
    expect(index.findBySeq(kid, seq)).toEqual({ index: at, hash });
    expect(index.findByHash(hash)).toBe(at);
    const hiding = index.hiding(at);
    expect(hiding && new Uint8Array(hiding)).toEqual(kind === "salted" ? bytes : undefined);
    let end = 0;
    const height = LENGTHS.findIndex((length) => at < (end += length));
    expect(index.heightOf(at)).toBe(height);
  }
  const { kid } = statementAt(0);
  expect(index.findBySeq(kid, 500)).toBeUndefined();
  expect(index.findBySeq(kid, 1e9)).toBeUndefined();
  expect(index.findBySeq("0000000000000000", 0)).toBeUndefined();
  expect(index.findBySeq("ffffffffffffffff", 0)).toBeUndefined();
  expect(index.findByHash(ZERO_HASH)).toBeUndefined();
  expect(index.heightOf(TOTAL)).toBeUndefined();
  expect(index.block(LENGTHS.length)).toBeUndefined();
}

conformance("MemoryEntryIndex", () =>
  Promise.resolve(() => Promise.resolve(new MemoryEntryIndex())),
);

conformance("LmdbEntryIndex", async () => {
  const folder = await scope.folder("index");
  return () => LmdbEntryIndex.open(`${folder}/entries`);
});

test("LMDB gives another process the same", async () => {
  const folder = await scope.folder("index");
  const index = await LmdbEntryIndex.open(folder);
  for (const input of blocks(LENGTHS)) await index.put(input);
  await index.close();
  const again = await LmdbEntryIndex.open(folder);
  checkAll(again);
  expect(new TextDecoder().decode(again.cursor()?.snapshot)).toBe("snapshot 6".repeat(100));
  await again.close();
});
