/** Indexes that were damaged on disk: they are made again, whatever LMDB thinks of them. */

import { access, copyFile, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { IndexDb } from "../../hub/index-db.ts";
import type { Shelf } from "../../hub/index-db.ts";
import { HubLog } from "../../hub/log.ts";
import { nodeFiles } from "../../platform/files.ts";
import { silentLogger } from "../../platform/log.ts";
import type { Logger } from "../../platform/log.ts";
import { testScope } from "../support/scope.ts";
import { accepted, createLog, enrolDevice, logParts, START_MS } from "./support/log-bench.ts";

const scope = testScope();
const RECORDS = 2000;

/** Keeps the messages of warnings. */
class Warnings {
  readonly messages: string[] = [];
  readonly logger: Logger = {
    ...silentLogger,
    warn: (_fields, message) => this.messages.push(message),
  };
}

type Damage = (file: string) => Promise<void>;

const damages: Record<string, Damage> = {
  "is cut in half": async (file) => truncate(file, (await readFile(file)).length / 2),
  "is something else": (file) => writeFile(file, new Uint8Array(20_000).fill(0x5a)),
  "has lost all but its beginning": async (file) => {
    const bytes = await readFile(file);
    await writeFile(file, bytes.fill(0, 8192));
  },
};

const open = (path: string, logger: Logger): Promise<[IndexDb, Shelf]> =>
  IndexDb.openSound(path, logger, async (db) => [db, await db.shelf("things", 1)]);

async function filled(): Promise<string> {
  const path = join(await scope.folder("index"), "projections");
  const [db, shelf] = await open(path, silentLogger);
  await shelf.commit({ next: 7, hash: new Uint8Array(32) }, () => {
    for (let n = 0; n < RECORDS; n++) shelf.table.put(["n", n], new Uint8Array(50));
  });
  await db.close();
  return path;
}

/** Damages a copy: this process knows the file itself by its inode. */
async function damagedCopy(path: string, damage: Damage): Promise<string> {
  const copy = join(await scope.folder("copy"), "projections");
  await nodeFiles.makeFolder(copy);
  await copyFile(join(path, "data.mdb"), join(copy, "data.mdb"));
  await damage(join(copy, "data.mdb"));
  return copy;
}

describe("an index of projections", () => {
  test("that is sound stays, and leaves no mark", async () => {
    const path = await filled();
    const { messages, logger } = new Warnings();
    const [db, shelf] = await open(path, logger);
    expect(shelf.cursor.next).toBe(7);
    expect([...shelf.table.all()]).toHaveLength(RECORDS);
    expect(messages).toEqual([]);
    await expect(access(`${path}.opening`)).rejects.toThrow("ENOENT");
    await db.close();
  });

  for (const [what, damage] of Object.entries(damages)) {
    test(`that ${what} is made again, once`, async () => {
      const path = await damagedCopy(await filled(), damage);
      const { messages, logger } = new Warnings();
      const [db, shelf] = await open(path, logger);
      expect(shelf.cursor.next).toBe(0);
      expect([...shelf.table.all()]).toEqual([]);
      expect(messages).toEqual(["the index is damaged and is made again"]);
      await shelf.commit({ next: 1, hash: new Uint8Array(32) }, () => undefined);
      await db.close();
      await expect(access(`${path}.opening`)).rejects.toThrow("ENOENT");
    });
  }

  test("under which a process has ended while opening it is made again", async () => {
    const path = await filled();
    await writeFile(`${path}.opening`, "");
    const { messages, logger } = new Warnings();
    const [db, shelf] = await open(path, logger);
    expect(shelf.cursor.next).toBe(0);
    expect(messages).toHaveLength(1);
    await db.close();
    const [again] = await open(path, logger);
    expect(messages).toHaveLength(1);
    await again.close();
  });

  test("is not blamed for what those who fill it do wrong", async () => {
    const path = join(await scope.folder("index"), "projections");
    const { messages, logger } = new Warnings();
    let calls = 0;
    const failing = IndexDb.openSound(path, logger, () => {
      calls += 1;
      return Promise.reject(Object.assign(new Error("no room"), { code: "ENOSPC" }));
    });
    await expect(failing).rejects.toThrow("no room");
    expect({ calls, messages }).toEqual({ calls: 1, messages: [] });
  });
});

describe("the index of entries", () => {
  for (const [what, damage] of Object.entries(damages)) {
    test(`that ${what} is made again from the log`, async () => {
      const folder = await scope.folder("data");
      const parts = { ...logParts(nodeFiles, { folder }), openIndex: undefined };
      const log = await createLog(parts);
      const chain = enrolDevice(log, "air-1");
      for (let i = 0; i < 300; i++) accepted(log.decide(chain.readings(i, START_MS)));
      await log.seal();
      const { size } = log.state;
      await log.close();
      const file = join(folder, "index/entries/data.mdb");
      const bytes = await readFile(file);
      await nodeFiles.remove(file);
      await writeFile(file, bytes);
      await damage(file);
      const { messages, logger } = new Warnings();
      const again = await HubLog.open({ ...parts, logger });
      expect(again.state.size).toBe(size);
      expect(again.findByHash(chain.prev)).toBeDefined();
      expect(messages).toEqual(["the index is damaged and is made again"]);
      await again.close();
    });
  }
});
