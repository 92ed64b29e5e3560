/** Counts of dropped readings over a restart: never more than what is gone, whenever the power goes. */

import { expect, test } from "vitest";
import { Outbox } from "../../../edge/outbox/outbox.ts";
import { Owed } from "../../../edge/packs/owed.ts";
import { encodeUtf8 } from "../../../ledger/bytes.ts";
import { encodePack } from "../../../ledger/senml.ts";
import { ZERO_HASH } from "../../../ledger/sha256.ts";
import { signStatement } from "../../../ledger/statement.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import { nativeSigner } from "../../support/native-signer.ts";

const signer = nativeSigner(new Uint8Array(32).fill(9));
const KID = new Uint8Array(8).fill(7);
const PATH = "/data/owed.json";

interface Life {
  readonly outbox: Outbox;
  readonly owed: Owed;
}

async function begin(files: MemoryFiles, segmentBytes?: number): Promise<Life> {
  const parts = { files, folder: "/data/outbox", kid: KID };
  const outbox = await Outbox.open(segmentBytes === undefined ? parts : { ...parts, segmentBytes });
  if (outbox.tail === undefined) await outbox.anchor({ seq: 0, follows: 0, prev: ZERO_HASH });
  return { outbox, owed: new Owed(files, PATH, outbox) };
}

/** Signs a pack of a stream, as if for the first time, or anew. */
async function sign({ outbox }: Life, stream: string, replaces?: number): Promise<void> {
  const iat = 2 ** 29;
  const reading = { quantity: "pm25", unit: "ug/m3", value: 1, time: iat };
  const payload = encodePack("air-1", { lat: 1, lon: 2 }, [reading]);
  const { seq, prev } = outbox.tail!;
  const draft = { kind: "readings", stream, iat, payload } as const;
  const { bytes } = signStatement({ issuer: "air-1", seq, prev }, draft, signer);
  outbox.add({ seq, statement: bytes, ...(replaces === undefined ? {} : { replaces }) });
  await outbox.flush();
}

/** The paths that are written whole from now on. */
function watched(files: MemoryFiles): { readonly written: string[] } {
  const written: string[] = [];
  files.setFaults(({ kind, path }) => {
    if (kind === "write") written.push(path);
    return undefined;
  });
  return { written };
}

test("what is owed is owed after a restart, until a pack of its stream has said so", async () => {
  const files = new MemoryFiles();
  const first = await begin(files);
  await sign(first, "air");
  await first.owed.save(
    new Map([
      ["air", 5],
      ["road", 7],
      ["path", 0],
    ]),
  );
  files.crash();
  const second = await begin(files);
  expect([...(await second.owed.load())]).toEqual([
    ["air", 5],
    ["road", 7],
  ]);
  // The power goes after the pack, and before the file is written again.
  await sign(second, "road");
  files.crash();
  const third = await begin(files);
  expect([...(await third.owed.load())]).toEqual([["air", 5]]);
});

test("a pack that is signed anew has nothing to do with it", async () => {
  const files = new MemoryFiles();
  const first = await begin(files);
  await sign(first, "air");
  await first.owed.save(new Map([["air", 5]]));
  await sign(first, "air", 0);
  expect([...(await (await begin(files)).owed.load())]).toEqual([["air", 5]]);
});

test("numbers that were skipped behind a torn end were no packs", async () => {
  const files = new MemoryFiles();
  const first = await begin(files);
  await sign(first, "air");
  await first.owed.save(new Map([["air", 5]]));
  const path = "/data/outbox/0000000000000000.outbox";
  const bytes = (await files.read(path))!;
  await files.write(path, Uint8Array.from([...bytes, ...new Uint8Array(300).fill(1)]));
  const second = await begin(files);
  expect(second.outbox.tail!.seq).toBeGreaterThan(1);
  expect([...(await second.owed.load())]).toEqual([["air", 5]]);
});

test("where nobody can tell any more what was signed since, nothing is counted", async () => {
  const files = new MemoryFiles();
  await files.makeFolder("/data");
  await files.write(PATH, encodeUtf8('{"seq":0,"streams":{"air":5}}'));
  const life = await begin(files);
  await life.outbox.anchor({ seq: 3, follows: 3, prev: ZERO_HASH });
  expect([...(await life.owed.load())]).toEqual([]);
});

test.each(["", "{", "[1]", '{"seq":-1,"streams":{}}', '{"seq":0,"streams":{"air":-3}}'])(
  "a file that says %j counts for nothing",
  async (text) => {
    const files = new MemoryFiles();
    await files.makeFolder("/data");
    await files.write(PATH, encodeUtf8(text));
    expect((await (await begin(files)).owed.load()).size).toBe(0);
  },
);

test("it is written only when something has changed, and removed when nothing is owed any more", async () => {
  const files = new MemoryFiles();
  const { owed } = await begin(files);
  const before = files.operations;
  await owed.save(new Map());
  expect(files.operations).toBe(before);
  for (let i = 0; i < 5; i++) await owed.save(new Map([["air", 5]]));
  expect(files.operations).toBe(before + 1);
  await owed.save(new Map([["air", 6]]));
  expect(files.operations).toBe(before + 2);
  expect([...(await (await begin(files)).owed.load())]).toEqual([["air", 6]]);
  await owed.save(new Map([["air", 0]]));
  expect(await files.exists(PATH)).toBe(false);
});

test("what other streams say changes nothing: the card is spared", async () => {
  const files = new MemoryFiles();
  const life = await begin(files);
  const { written } = watched(files);
  for (let minute = 0; minute < 30; minute++) {
    await sign(life, "road");
    await life.owed.save(new Map([["air", 5]]));
  }
  expect(written).toEqual([PATH]);
  files.crash();
  const again = await begin(files);
  expect([...(await again.owed.load())]).toEqual([["air", 5]]);
  await again.owed.save(new Map([["air", 5]]));
  expect(written).toEqual([PATH]);
});

test("as many dropped again as a pack has just owned up to are owed all the same", async () => {
  const files = new MemoryFiles();
  const life = await begin(files);
  await life.owed.save(new Map([["air", 5]]));
  await sign(life, "road");
  await life.owed.save(new Map([["air", 5]]));
  await sign(life, "air");
  await life.owed.save(new Map([["air", 5]]));
  await sign(life, "road");
  await life.owed.save(new Map([["air", 5]]));
  files.crash();
  expect([...(await (await begin(files)).owed.load())]).toEqual([["air", 5]]);
});

test("before the outbox gives back what tells who has spoken it is written again, once a segment", async () => {
  const files = new MemoryFiles();
  const segmentBytes = 2_000;
  const life = await begin(files, segmentBytes);
  const { written } = watched(files);
  for (let minute = 0; minute < 60; minute++) {
    await sign(life, "road");
    await life.owed.save(new Map([["air", 5]]));
    await life.outbox.letGo(minute);
  }
  const segments = new Set(written.filter((path) => path !== PATH)).size;
  expect(segments).toBeGreaterThan(4);
  expect(written.filter((path) => path === PATH)).toHaveLength(segments + 1);
  files.crash();
  const again = await begin(files, segmentBytes);
  expect(await again.outbox.read(0)).toBeUndefined();
  expect([...(await again.owed.load())]).toEqual([["air", 5]]);
});

test.each(["undone", "done"] as const)(
  "after a write that fails (%s) the next one tries again",
  async (fault) => {
    const files = new MemoryFiles();
    const life = await begin(files);
    files.setFaults(() => fault);
    await expect(life.owed.save(new Map([["air", 5]]))).rejects.toThrow();
    files.setFaults();
    await life.owed.save(new Map([["air", 6]]));
    expect([...(await (await begin(files)).owed.load())]).toEqual([["air", 6]]);
  },
);
