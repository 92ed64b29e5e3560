import { describe, expect, test } from "vitest";
import { TileBuilder, tilePath, tilesAdded } from "../../../ledger/tile.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import { HubLog } from "../../../hub/log.ts";
import { Archive } from "../../../hub/store/archive.ts";
import { CHECKPOINTS_KEPT, PartialTiles } from "../../../hub/store/partial-tiles.ts";
import {
  accepted,
  checkFolder,
  createLog,
  enrolDevice,
  FOLDER,
  logParts,
  START_MS,
} from "../support/log-bench.ts";

const LOG = "/data/log";

/** All tiles below the log's folder, by their paths. */
async function tilesIn(files: MemoryFiles, folder = `${LOG}/tile`): Promise<string[]> {
  const found: string[] = [];
  for (const name of await files.list(folder)) {
    const path = `${folder}/${name}`;
    if ((await files.facts(path))?.isFolder) found.push(...(await tilesIn(files, path)));
    else found.push(path.slice(LOG.length + 1));
  }
  return found;
}

/** Checks that every tile of a size is there, partial or full. */
async function checkNeeded(files: MemoryFiles, size: number): Promise<void> {
  for (const tile of tilesAdded(0, size)) {
    const isThere =
      (await files.exists(`${LOG}/${tilePath(tile)}`)) ||
      (await files.exists(`${LOG}/${tilePath({ ...tile, width: 256 })}`));
    expect(isThere, tilePath(tile)).toBe(true);
  }
}

describe("collecting", () => {
  test("leaves what the last checkpoints and the pinned ones need, and every full tile", async () => {
    const files = new MemoryFiles();
    const archive = new Archive(files, LOG);
    const partials = new PartialTiles(files, LOG, (path) => archive.forgetFolder(path));
    const builder = new TileBuilder();
    const sizes: number[] = [];
    const pinned = 301;
    for (let size = 0; size < 70_000;) {
      const step = size < 2000 ? 43 : 1511;
      const tiles = builder.grow(Array.from({ length: step }, () => new Uint8Array(3)));
      for (const tile of tiles) await archive.writeTile(tilePath(tile), tile.bytes);
      // Collecting what the last checkpoint has made superfluous overlaps with writing the next one's tiles.
      await partials.collect();
      size += step;
      sizes.push(size);
      partials.note(size);
      if (size === pinned) partials.pin([size]);
      await checkNeeded(files, size);
      if (sizes.length % 5 > 0) continue;
      await partials.collect();
      const kept = sizes.filter(
        (each, i) => i >= sizes.length - CHECKPOINTS_KEPT || each === pinned,
      );
      const expected = new Set(kept.flatMap((each) => tilesAdded(0, each)).map(tilePath));
      expect(new Set(await tilesIn(files))).toEqual(expected);
    }
    expect(sizes).toContain(pinned);
    partials.pin([]);
    await partials.collect();
    const newest = new Set(
      sizes
        .slice(-CHECKPOINTS_KEPT)
        .flatMap((each) => tilesAdded(0, each))
        .map(tilePath),
    );
    expect(new Set(await tilesIn(files))).toEqual(newest);
  });

  test("goes on after a restart, and spares the checkpoint that a quorum has left behind", async () => {
    const files = new MemoryFiles();
    const parts = () => logParts(files, { hasQuorum: true });
    let log = await createLog(parts());
    const chain = enrolDevice(log, "air-1");
    const early = await log.seal();
    await log.show(early.note!, early.checkpoint.size);
    for (let i = 0; i < 40; i++) {
      accepted(log.decide(chain.readings(i, START_MS)));
      await log.seal();
      if (i % 9 !== 0) continue;
      await log.close();
      log = await HubLog.open(parts());
    }
    await log.close();
    const widths = await files.list(`${LOG}/tile/entries/000.p`);
    const { size } = early.checkpoint;
    expect(widths.map(Number).sort((a, b) => a - b)).toEqual([
      size,
      ...Array.from({ length: CHECKPOINTS_KEPT }, (_, i) => size + 2 * (33 + i)),
    ]);
    expect((await checkFolder(files)).entries).toHaveLength(size);
    expect(await files.read(`${FOLDER}/log/checkpoint-pending`)).toBeDefined();
  });
});
