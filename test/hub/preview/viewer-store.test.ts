/** Tokens: whose they are, for how long, what is kept of them, and disks that fail. */

import { beforeEach, describe, expect, test } from "vitest";
import { maySee, ViewerStore } from "../../../hub/preview/viewer-store.ts";
import { decodeBase64Url, decodeUtf8, encodeBase64Url, encodeUtf8 } from "../../../ledger/bytes.ts";
import { ManualClock } from "../../../platform/clock.ts";
import { silentLogger } from "../../../platform/log.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import { seededRandom } from "../../../platform/random.ts";

const PATH = "/data/viewers.json";
const NOW_MS = Date.parse("2026-12-01T12:00:00Z");
const HOUR_MS = 3_600_000;

let files: MemoryFiles;
let clock: ManualClock;
const random = seededRandom(11);

const open = (): Promise<ViewerStore> =>
  ViewerStore.open({ files, path: PATH, clock, random, logger: silentLogger });

beforeEach(async () => {
  clock = new ManualClock(NOW_MS);
  files = new MemoryFiles();
  await files.makeFolder("/data");
});

describe("a token", () => {
  test("is 32 random bytes, let in at once and after a restart, and kept only as its hash", async () => {
    const store = await open();
    const token = await store.add({ name: "mara", expiresMs: NOW_MS + HOUR_MS });
    expect(decodeBase64Url(token)).toHaveLength(32);
    expect(store.find(token)?.name).toBe("mara");
    expect((await open()).find(token)?.name).toBe("mara");
    const kept = decodeUtf8((await files.read(PATH))!)!;
    expect(kept).not.toContain(token);
    expect(Object.keys(JSON.parse(kept).viewers[0])).toEqual([
      "name",
      "expiresMs",
      "createdMs",
      "sha256",
    ]);
    expect((await files.facts(PATH))!.mode).toBe(0o600);
    expect(store.list()).toEqual([
      { name: "mara", createdMs: NOW_MS, expiresMs: NOW_MS + HOUR_MS },
    ]);
  });

  test("lets in to the millisecond, and not beyond", async () => {
    const store = await open();
    const token = await store.add({ name: "mara", expiresMs: NOW_MS + HOUR_MS });
    clock.jump(HOUR_MS - 1);
    expect(store.find(token)?.name).toBe("mara");
    clock.jump(1);
    expect(store.find(token)).toBeUndefined();
    expect(store.list()).toHaveLength(1);
  });

  test("that was removed lets in no longer, neither now nor after a restart", async () => {
    const store = await open();
    const gone = await store.add({ name: "mara", expiresMs: NOW_MS + HOUR_MS });
    const kept = await store.add({ name: "jun", expiresMs: NOW_MS + HOUR_MS });
    await store.remove("mara");
    for (const each of [store, await open()]) {
      expect([each.find(gone), each.find(kept)?.name]).toEqual([undefined, "jun"]);
    }
    const other = await store.add({ name: "mara", expiresMs: NOW_MS + HOUR_MS });
    expect([store.find(gone), store.find(other)?.name]).toEqual([undefined, "mara"]);
  });

  test.each<[string, (token: string) => string]>([
    ["nothing", () => ""],
    ["a name", () => "mara"],
    ["one bit off", (token) => flip(token)],
    ["cut", (token) => token.slice(0, -1)],
    ["longer", (token) => `${token}AA`],
    ["padded", (token) => `${token}=`],
    ["its hash as it is kept", () => "0".repeat(64)],
    ["zeros", () => encodeBase64Url(new Uint8Array(32))],
  ])("that is %s lets nobody in", async (_name, change) => {
    const store = await open();
    const token = await store.add({ name: "mara", expiresMs: NOW_MS + HOUR_MS });
    expect(store.find(change(token))).toBeUndefined();
    expect(store.find(token)).toBeDefined();
  });

  test("is for the devices that it was made for, or for all", async () => {
    const store = await open();
    const some = await store.add({
      name: "mara",
      devices: ["cam-1"],
      expiresMs: NOW_MS + HOUR_MS,
    });
    const all = await store.add({ name: "jun", expiresMs: NOW_MS + HOUR_MS });
    const none = await store.add({ name: "noor", devices: [], expiresMs: NOW_MS + HOUR_MS });
    const sees = (token: string): boolean[] =>
      ["cam-1", "cam-2"].map((device) => maySee(store.find(token)!, device));
    expect([sees(some), sees(all), sees(none)]).toEqual([
      [true, false],
      [true, true],
      [false, false],
    ]);
  });
});

describe("the list", () => {
  test("has each name once, and a bound", async () => {
    const store = await open();
    await store.add({ name: "mara", expiresMs: NOW_MS + 1 });
    await expect(store.add({ name: "mara", expiresMs: NOW_MS + 1 })).rejects.toThrow(
      "There is a viewer mara already; remove it first.",
    );
    await expect(store.remove("jun")).rejects.toThrow("There is no viewer jun.");
    for (let i = 1; i < 256; i++) await store.add({ name: `v${i}`, expiresMs: NOW_MS + 1 });
    await expect(store.add({ name: "jun", expiresMs: NOW_MS + 1 })).rejects.toThrow("256 viewers");
  });

  test("keeps all of several changes at once", async () => {
    const store = await open();
    const expiresMs = NOW_MS + HOUR_MS;
    const changes = ["a", "b", "c"].map((name) => store.add({ name, expiresMs }));
    await Promise.all(changes);
    await Promise.all([store.add({ name: "d", expiresMs }), store.remove("a")]);
    const names = (await open()).list().map(({ name }) => name);
    expect(names).toEqual(["b", "c", "d"]);
  });

  test.each(["", "{", "[]", '{"kerbstone":"viewers/v2","viewers":[]}', '{"viewers":[]}'])(
    "that is damaged (%j) lets nobody in, and is left for people to look at",
    async (text) => {
      await files.write(PATH, encodeUtf8(text));
      const store = await open();
      expect(store.list()).toEqual([]);
      const damaged = `The list of viewers ${PATH} is damaged.`;
      await expect(store.add({ name: "mara", expiresMs: NOW_MS + 1 })).rejects.toThrow(damaged);
      await expect(store.remove("mara")).rejects.toThrow(damaged);
      expect(decodeUtf8((await files.read(PATH))!)).toBe(text);
    },
  );

  test.each(["undone", "done"] as const)(
    "on a disk that fails (%s): who could not be added is not in, who was removed is out",
    async (fault) => {
      const store = await open();
      const token = await store.add({ name: "mara", expiresMs: NOW_MS + HOUR_MS });
      files.setFaults(() => fault);
      await expect(store.add({ name: "jun", expiresMs: NOW_MS + HOUR_MS })).rejects.toThrow();
      expect(store.list().map(({ name }) => name)).toEqual(["mara"]);
      await expect(store.remove("mara")).rejects.toThrow();
      expect(store.find(token)).toBeUndefined();
      files.setFaults();
      // The next change that works makes the disk agree.
      const next = await store.add({ name: "jun", expiresMs: NOW_MS + HOUR_MS });
      const again = await open();
      expect(again.list().map(({ name }) => name)).toEqual(["jun"]);
      expect(again.find(next)?.name).toBe("jun");
    },
  );
});

/** Changes one bit of a token's bytes. */
function flip(token: string): string {
  const bytes = decodeBase64Url(token)!;
  bytes[31]! ^= 1;
  return encodeBase64Url(bytes);
}
