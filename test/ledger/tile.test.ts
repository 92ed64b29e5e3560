import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeHex, encodeUtf8 } from "../../ledger/bytes.ts";
import { openCheckpoint } from "../../ledger/checkpoint.ts";
import {
  consistencyPath,
  inclusionPath,
  leafHash,
  MerkleFrontier,
  verifyConsistency,
  verifyInclusion,
} from "../../ledger/merkle.ts";
import { sha256 } from "../../ledger/sha256.ts";
import { nobleVerify } from "../../ledger/signature.ts";
import {
  decodeEntryBundle,
  decodeHashTile,
  encodeEntryBundle,
  parseTilePath,
  readTileTree,
  TileBuilder,
  tileNodeReader,
  tilePath,
  tilesAdded,
  tileWidth,
  treeNodeReader,
} from "../../ledger/tile.ts";
import type { TileFile, TileReader, TileTree } from "../../ledger/tile.ts";
import {
  describeWithShared,
  hasShared,
  sharedBytes,
  sharedJson,
  sharedText,
} from "../support/shared-data.ts";
import { must, vkey } from "../support/small-log-proofs.ts";

/** The files of a log in memory. */
class Folder {
  readonly files = new Map<string, Uint8Array>();

  put(files: readonly TileFile[]): void {
    for (const file of files) this.files.set(tilePath(file), file.bytes);
  }

  readonly read: TileReader = (tile) => Promise.resolve(this.files.get(tilePath(tile)));
}

function entriesTo(n: number): Uint8Array[] {
  return Array.from({ length: n }, (_, i) => encodeUtf8(`entry ${i}`));
}

function rootsOf(entries: readonly Uint8Array[], sizes: ReadonlySet<number>): Map<number, string> {
  const frontier = new MerkleFrontier();
  const roots = new Map<number, string>();
  for (const entry of entries) {
    frontier.push(leafHash(entry));
    if (sizes.has(frontier.size)) roots.set(frontier.size, encodeHex(frontier.root()));
  }
  return roots;
}

describe("names", () => {
  test("what is written is read back", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.constant("entries" as const), fc.nat({ max: 6 })),
        fc.oneof(fc.nat({ max: 2000 }), fc.maxSafeNat()),
        fc.integer({ min: 1, max: 256 }),
        (level, n, width) => {
          const tile = { level, n, width };
          expect(parseTilePath(tilePath(tile))).toEqual(tile);
        },
      ),
    );
  });

  test.each([
    "",
    "tile/0/",
    "tile/0/00",
    "tile/0/0000",
    "tile/0/x000/001",
    "tile/0/001/000",
    "tile/0/x001",
    "tile/0/X001/000",
    "tile/00/000",
    "tile/-1/000",
    "tile/0/000.p/0",
    "tile/0/000.p/256",
    "tile/0/000.p/257",
    "tile/0/000.p/01",
    "tile/0/000.p/",
    "tile/0/000.p/1/",
    "tile/entries/x999/x999/x999/x999/x999/999",
    "tile/other/000",
    "/tile/0/000",
    "tile/0/../000",
    "tile/0/000\n",
  ])("%j is none", (path) => {
    expect(parseTilePath(path)).toBeUndefined();
  });
});

describe("entry bundles", () => {
  const bundles = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 256 });

  test("what is encoded decodes to the same, and every cut is noticed", () => {
    fc.assert(
      fc.property(bundles, (entries) => {
        const bytes = encodeEntryBundle(entries);
        expect(decodeEntryBundle(bytes)).toEqual(entries);
        if (entries.length > 0)
          expect(decodeEntryBundle(bytes.subarray(0, -1))?.length).not.toBe(entries.length);
      }),
      { numRuns: 40 },
    );
  });

  test.each([
    ["half a length", [0]],
    ["a length without its entry", [0, 1]],
    ["an entry too short", [0, 2, 7]],
    ["a second entry cut off", [0, 1, 7, 1]],
  ])("%s is refused", (_, bytes) => {
    expect(decodeEntryBundle(Uint8Array.from(bytes))).toBeUndefined();
  });

  test("entries of 0 and of 65,535 bytes fit, longer ones and more than 256 do not", () => {
    const longest = new Uint8Array(65_535).fill(7);
    expect(decodeEntryBundle(encodeEntryBundle([new Uint8Array(0), longest]))).toEqual([
      new Uint8Array(0),
      longest,
    ]);
    expect(() => encodeEntryBundle([new Uint8Array(65_536)])).toThrow(RangeError);
    expect(() => encodeEntryBundle(entriesTo(257))).toThrow(RangeError);
    expect(decodeEntryBundle(new Uint8Array(2 * 256))).toHaveLength(256);
    expect(decodeEntryBundle(new Uint8Array(2 * 257))).toBeUndefined();
  });
});

test("hash tiles hold 1 to 256 whole hashes", () => {
  expect(decodeHashTile(new Uint8Array(32))).toHaveLength(1);
  expect(decodeHashTile(new Uint8Array(256 * 32))).toHaveLength(256);
  for (const length of [0, 31, 33, 257 * 32]) {
    expect(decodeHashTile(new Uint8Array(length))).toBeUndefined();
  }
});

describe("which tiles a log has", () => {
  test("a partial tile holds floor(size / 256^level) mod 256 hashes", () => {
    const size = 70_000;
    const names = tilesAdded(0, size).map(tilePath);
    expect(names).toContain("tile/0/273.p/112");
    expect(names).toContain("tile/1/001.p/17");
    expect(names).toContain("tile/2/000.p/1");
    expect(names).toContain("tile/entries/273.p/112");
    expect(names).toHaveLength(274 + 274 + 2 + 1);
    for (const { level, n, width } of tilesAdded(0, size)) {
      expect(tileWidth(level, n, size)).toBe(width);
    }
    expect(tileWidth(0, 274, size)).toBe(0);
  });

  test("growth adds what is new or wider", () => {
    fc.assert(
      fc.property(fc.nat({ max: 70_000 }), fc.nat({ max: 70_000 }), (a, b) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const had = new Set(tilesAdded(0, from).map(tilePath));
        const added = tilesAdded(0, to)
          .map(tilePath)
          .filter((path) => !had.has(path));
        expect(tilesAdded(from, to).map(tilePath)).toEqual(added);
      }),
      { numRuns: 30 },
    );
  });

  test("beyond 32 bits", () => {
    const size = 2 ** 40 + 1;
    expect(tilesAdded(size - 1, size).map(tilePath)).toEqual([
      "tile/entries/x004/x294/x967/296.p/1",
      "tile/0/x004/x294/x967/296.p/1",
    ]);
    expect(
      tilesAdded(size - 2, size - 1)
        .map(tilePath)
        .slice(-2),
    ).toEqual(["tile/4/000", "tile/5/000.p/1"]);
  });
});

describe("building", () => {
  test("block by block gives the files of building at once, whatever the blocks", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: 400 }), { minLength: 1, maxLength: 6 }),
        fc.boolean(),
        async (blocks, reopens) => {
          const folder = new Folder();
          let builder = new TileBuilder();
          for (const count of blocks) {
            const from = builder.size;
            const files = builder.grow(entriesTo(from + count).slice(from));
            const names = tilesAdded(from, from + count).map(tilePath);
            expect(files.map(tilePath).sort()).toEqual(names.sort());
            folder.put(files);
            if (reopens) builder = await TileBuilder.open(builder.size, folder.read);
          }
          const atOnce = new TileBuilder().grow(entriesTo(builder.size));
          for (const file of atOnce) {
            expect(folder.files.get(tilePath(file)), tilePath(file)).toEqual(file.bytes);
          }
        },
      ),
      { numRuns: 25 },
    );
  });

  test("a partial tile that was collected is read from the full one", async () => {
    const folder = new Folder();
    const builder = new TileBuilder();
    folder.put(builder.grow(entriesTo(500)));
    folder.put(builder.grow(entriesTo(600).slice(500)));
    const full = new Folder();
    for (const [path, bytes] of folder.files) {
      if (!folder.files.has(path.replace(/\.p\/.*/, "")) || !path.includes(".p/")) {
        full.files.set(path, bytes);
      }
    }
    expect(full.files.has("tile/0/001.p/244")).toBe(false);
    const old = await TileBuilder.open(500, full.read);
    const again = old.grow(entriesTo(600).slice(500));
    for (const file of again) expect(file.bytes).toEqual(folder.files.get(tilePath(file)));
    const path = await inclusionPath(499, 500, tileNodeReader(500, full.read));
    const root = frontierRoot(500);
    expect(verifyInclusion(leafHash(entriesTo(500)[499]!), 499, 500, path, root)).toBe(true);
  });

  test.each([1, 7, 256, 300, 513])(
    "trees that are kept give the nodes of %i entries",
    async (size) => {
      const folder = new Folder();
      folder.put(new TileBuilder().grow(entriesTo(size)));
      const trees = new Map<string, Promise<TileTree>>();
      const kept = treeNodeReader(size, (tile) => {
        const path = tilePath(tile);
        const tree = trees.get(path) ?? readTileTree(tile, folder.read);
        trees.set(path, tree);
        return tree;
      });
      const fresh = tileNodeReader(size, folder.read);
      // Upper levels first, and lower ones after them: what is made for one does not depend on the order.
      for (let level = 9; level >= 0; level--) {
        const count = Math.floor(size / 2 ** level);
        for (let index = 0; index < count; index++) {
          const node = await kept(level, index);
          expect(node).toEqual(await fresh(level, index));
          expect(node).toEqual(rootOfEntries(index * 2 ** level, (index + 1) * 2 ** level));
        }
        await expect(kept(level, count)).rejects.toThrow(RangeError);
      }
    },
  );

  test("missing or shortened tiles are an error, never a wrong tree", async () => {
    const folder = new Folder();
    folder.put(new TileBuilder().grow(entriesTo(300)));
    for (const [path, bytes] of folder.files) {
      if (!path.includes(".p/")) continue;
      const broken = new Folder();
      for (const [name, content] of folder.files) broken.files.set(name, content);
      broken.files.delete(path);
      await expect(TileBuilder.open(300, broken.read)).rejects.toThrow("missing");
      broken.files.set(path, bytes.subarray(0, -1));
      await expect(TileBuilder.open(300, broken.read)).rejects.toThrow("does not hold");
    }
    const empty = tileNodeReader(300, () => Promise.resolve(undefined));
    await expect(inclusionPath(0, 300, empty)).rejects.toThrow("missing");
    await expect(tileNodeReader(300, folder.read)(0, 300)).rejects.toThrow(RangeError);
  });
});

function rootOfEntries(from: number, to: number): Uint8Array {
  const frontier = new MerkleFrontier();
  for (const entry of entriesTo(to).slice(from)) frontier.push(leafHash(entry));
  return frontier.root();
}

function frontierRoot(size: number): Uint8Array {
  const frontier = new MerkleFrontier();
  for (const entry of entriesTo(size)) frontier.push(leafHash(entry));
  return frontier.root();
}

const TILES = "vectors/tiles.json";

describeWithShared("a log of 70,000 entries", [TILES], () => {
  const vectors = sharedJson<{
    roots: Record<string, string>;
    tiles: Record<string, string>;
    names: Record<string, string>;
  }>(TILES);
  const entries = entriesTo(70_000);
  const folder = new Folder();
  folder.put(new TileBuilder().grow(entries));
  const sizes = new Set(Object.keys(vectors.roots).map(Number));
  const roots = rootsOf(entries, sizes);

  test.each(Object.entries(vectors.names))("tile number %s is %s", (n, name) => {
    expect(tilePath({ level: 0, n: Number(n), width: 256 })).toBe(`tile/0/${name}`);
  });

  test.each(Object.entries(vectors.roots))("root at size %s", (size, root) => {
    expect(roots.get(Number(size))).toBe(root);
  });

  test.each(Object.entries(vectors.tiles))("%s", (path, hash) => {
    expect(encodeHex(sha256(folder.files.get(path)!))).toBe(hash);
  });

  test("roots and proofs from the tiles alone", async () => {
    const nodes = tileNodeReader(70_000, folder.read);
    for (const size of sizes) {
      const frontier = await MerkleFrontier.read(size, nodes);
      expect(encodeHex(frontier.root())).toBe(vectors.roots[size]);
    }
    const root = (await MerkleFrontier.read(70_000, nodes)).root();
    for (const index of [0, 255, 256, 65_535, 65_536, 69_887, 69_888, 69_999]) {
      const path = await inclusionPath(index, 70_000, nodes);
      expect(verifyInclusion(leafHash(entries[index]!), index, 70_000, path, root)).toBe(true);
    }
    for (const first of sizes) {
      const path = await consistencyPath(first, 70_000, nodes);
      const firstRoot = (await MerkleFrontier.read(first, nodes)).root();
      expect(verifyConsistency(first, firstRoot, 70_000, root, path)).toBe(true);
    }
  });
});

const TESSERA = "data/tlog-tiles-tessera/testdata/log";
const TESSERA_VKEY =
  "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";

describeWithShared("a log that other software wrote", [TESSERA], () => {
  const sizes = Array.from({ length: 16 }, (_, i) => i);

  test.each(sizes)("checkpoint, tiles and entries of size %d", (size) => {
    const note = sharedText(`${TESSERA}/checkpoint.${size}`);
    const checkpoint = must(openCheckpoint(note, [vkey(TESSERA_VKEY)], nobleVerify));
    expect(checkpoint.size).toBe(size);
    if (size === 0) {
      expect(checkpoint.root).toEqual(new MerkleFrontier().root());
      return;
    }
    const [bundle, tile] = tilesAdded(0, size).map((id) =>
      sharedBytes(`${TESSERA}/${tilePath(id)}`),
    );
    const entries = decodeEntryBundle(bundle!)!;
    const files = new TileBuilder().grow(entries);
    expect(files.map((file) => file.bytes)).toEqual([bundle, tile]);
    const frontier = new MerkleFrontier();
    for (const hash of decodeHashTile(tile!)!) frontier.push(hash);
    expect(frontier.root()).toEqual(checkpoint.root);
  });

  test("a builder goes on from its tiles", async () => {
    const read: TileReader = (tile) => {
      const path = `${TESSERA}/${tilePath(tile)}`;
      return Promise.resolve(hasShared(path) ? sharedBytes(path) : undefined);
    };
    const last = decodeEntryBundle(sharedBytes(`${TESSERA}/tile/entries/000.p/15`))!;
    const builder = await TileBuilder.open(9, read);
    for (const file of builder.grow(last.slice(9))) {
      expect(file.bytes).toEqual(sharedBytes(`${TESSERA}/${tilePath(file)}`));
    }
  });
});
