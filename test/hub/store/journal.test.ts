import { describe, expect, test } from "vitest";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import { seededRandom } from "../../../platform/random.ts";
import { Journal } from "../../../hub/store/journal.ts";
import type { JournalRecord } from "../../../hub/store/journal-format.ts";

const FOLDER = "/journal";
const FIRST_FILE = `${FOLDER}/0000000000000005.journal`;

function record(n: number, length = 40): JournalRecord {
  const bytes = new Uint8Array(length).fill(n);
  return { bytes, preimage: n % 3 === 0 ? bytes.subarray(1) : undefined, receivedMs: 1e12 + n };
}

/** Writes groups of so many records each into one segment from index 5. */
async function written(files: MemoryFiles, groups: readonly number[]): Promise<void> {
  const journal = await Journal.open(files, FOLDER);
  journal.begin(5);
  let n = 0;
  for (const count of groups) {
    for (let i = 0; i < count; i++) journal.add(record(n++));
    await journal.flush();
  }
  await journal.close();
}

async function reread(files: MemoryFiles): Promise<number> {
  const journal = await Journal.open(files, FOLDER);
  const image = journal.images[0]!;
  expect(image.first).toBe(5);
  for (let i = 0; i < image.count; i++) {
    expect(image.entry(i)).toEqual(record(i).bytes);
    expect(image.preimage(i)).toEqual(record(i).preimage);
    expect(image.receivedMs(i)).toBe(record(i).receivedMs);
  }
  await journal.close();
  return image.count;
}

describe("a journal", () => {
  test("gives back what was flushed, across segments", async () => {
    const files = new MemoryFiles();
    await written(files, [1, 7, 300]);
    expect(await reread(files)).toBe(308);
    const journal = await Journal.open(files, FOLDER);
    journal.begin(313);
    journal.add(record(1));
    await journal.flush();
    await journal.dropOldest();
    await journal.close();
    const later = await Journal.open(files, FOLDER);
    expect(later.images.map(({ first, count }) => [first, count])).toEqual([[313, 1]]);
    expect(() => later.begin(999)).toThrow("follow");
    await later.close();
  });

  test("cut anywhere in the last group loses that group, and goes on", async () => {
    const whole = new MemoryFiles();
    await written(whole, [3, 2]);
    const bytes = (await whole.read(FIRST_FILE))!;
    const two = new MemoryFiles();
    await written(two, [3]);
    const intact = (await two.read(FIRST_FILE))!.length;
    for (let length = 0; length < bytes.length; length++) {
      const files = new MemoryFiles();
      await files.makeFolder(FOLDER);
      await files.write(FIRST_FILE, bytes.slice(0, length));
      expect(await reread(files)).toBe(length < intact ? 0 : 3);
      const journal = await Journal.open(files, FOLDER);
      const kept = journal.images[0]!.count;
      for (let n = kept; n < 6; n++) journal.add(record(n));
      await journal.flush();
      await journal.close();
      expect(await reread(files)).toBe(6);
    }
  });

  test("damaged before its last group refuses to open", async () => {
    const files = new MemoryFiles();
    await written(files, [3, 2]);
    const bytes = (await files.read(FIRST_FILE))!;
    for (let at = 1; at < bytes.length; at += 7) {
      const broken = bytes.slice();
      broken[at]! ^= 0x10;
      await files.write(FIRST_FILE, broken);
      const opening = Journal.open(files, FOLDER);
      // From the header of the last group on it cannot be told from a torn end.
      const isTail = at >= bytes.length - (12 + 2 * 50 + 39);
      if (isTail) await (await opening).close();
      else await expect(opening).rejects.toThrow("damaged");
    }
  });

  test("refuses a missing segment, and one of a later version", async () => {
    const files = new MemoryFiles();
    await written(files, [3]);
    await files.write(`${FOLDER}/0000000000000099.journal`, (await files.read(FIRST_FILE))!);
    await expect(Journal.open(files, FOLDER)).rejects.toThrow();
    await files.remove(`${FOLDER}/0000000000000099.journal`);
    await files.write(FIRST_FILE, Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 5));
    await expect(Journal.open(files, FOLDER)).rejects.toThrow("later version");
  });

  test.each(["append", "sync"] as const)("takes nothing after a failed %s", async (kind) => {
    const files = new MemoryFiles();
    const journal = await Journal.open(files, FOLDER);
    journal.begin(5);
    journal.add(record(0));
    await journal.flush();
    files.setFaults((operation) => (operation.kind === kind ? "part" : undefined));
    journal.add(record(1));
    const waiting = journal.flush();
    const later = journal.flush();
    await expect(waiting).rejects.toThrow("could not be written");
    await expect(later).rejects.toThrow("could not be written");
    files.setFaults();
    expect(() => journal.add(record(2))).toThrow("could not be written");
    await expect(journal.flush()).rejects.toThrow("could not be written");
    await journal.close();
  });

  test("keeps what was flushed through power cuts", async () => {
    for (let seed = 0; seed < 100; seed++) {
      const files = new MemoryFiles(seededRandom(seed));
      const journal = await Journal.open(files, FOLDER);
      journal.begin(5);
      for (let n = 0; n < 4; n++) journal.add(record(n, 700));
      await journal.flush();
      for (let n = 4; n < 20; n++) journal.add(record(n, 700));
      files.setFaults(({ kind }) => (kind === "sync" ? "power-cut" : undefined));
      await expect(journal.flush()).rejects.toThrow();
      files.setFaults();
      files.powerOn();
      const again = await Journal.open(files, FOLDER);
      expect([4, 20]).toContain(again.images[0]!.count);
      await again.close();
    }
  });
});
