/** The quarantine's bounds, and what a power cut leaves of it. */

import { describe, expect, test } from "vitest";
import { Quarantine } from "../../../hub/admission/quarantine.ts";
import type { QuarantineItem, RefusedMessage } from "../../../hub/admission/quarantine.ts";
import { encodeHex } from "../../../ledger/bytes.ts";
import { sha256 } from "../../../ledger/sha256.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";

const FOLDER = "/data/quarantine";
const LIMITS = { segmentBytes: 4000, segmentsMax: 3, deviceBytesMax: 3000, itemsMax: 20 };

function refused(number: number, changes: Partial<RefusedMessage> = {}): RefusedMessage {
  const bytes = changes.bytes ?? Uint8Array.of(0xd2, number >> 8, number & 0xff);
  return {
    receivedMs: 1_790_000_000_000 + number,
    device: "air-1",
    kid: "0011223344556677",
    seq: number,
    hash: sha256(bytes),
    code: "broken-chain",
    text: "expected another",
    bytes,
    ...changes,
  };
}

async function opened(files: MemoryFiles): Promise<Quarantine> {
  return Quarantine.open(files, FOLDER, LIMITS);
}

describe("quarantine", () => {
  test("keeps what was refused over a restart", async () => {
    const files = new MemoryFiles();
    const quarantine = await opened(files);
    const seen: QuarantineItem[] = [];
    quarantine.onRefused((item) => seen.push(item));
    quarantine.put(refused(1));
    quarantine.put(
      refused(2, { device: undefined, kid: undefined, seq: undefined, code: "malformed" }),
    );
    await quarantine.durable();
    expect(seen).toHaveLength(2);
    files.crash();
    const again = await opened(files);
    expect(again.newest(10)).toEqual(seen.toReversed());
    expect(again.total).toBe(2);
    expect(await again.bytesOf(seen[0]!.id)).toEqual(refused(1).bytes);
    again.put(refused(3));
    await again.durable();
    expect(again.newest(1)[0]).toMatchObject({ seq: 3, hash: encodeHex(refused(3).hash) });
    expect((await opened(files)).total).toBe(3);
  });

  test("loses nothing that was reported durable, whenever the power goes", async () => {
    for (let cutAt = 0; cutAt < 24; cutAt++) {
      const files = new MemoryFiles();
      let operations = 0;
      files.setFaults(() => (operations++ === cutAt ? "power-cut" : undefined));
      let durable = 0;
      try {
        const quarantine = await opened(files);
        for (let i = 1; i <= 4; i++) {
          quarantine.put(refused(i));
          await quarantine.durable();
          durable = i;
        }
      } catch {
        // The power went.
      }
      files.setFaults();
      files.powerOn();
      const again = await opened(files);
      const numbers = again.newest(10).map((item) => item.seq);
      for (let i = 1; i <= durable; i++) expect(numbers, `cut at ${cutAt}`).toContain(i);
      again.put(refused(9));
      await again.durable();
      expect((await opened(files)).newest(1)[0]?.seq).toBe(9);
    }
  });

  test("keeps a message once for each reason", async () => {
    const quarantine = await opened(new MemoryFiles());
    quarantine.put(refused(1));
    quarantine.put(refused(1));
    quarantine.put(refused(1, { code: "future" }));
    await quarantine.durable();
    expect(quarantine.total).toBe(2);
  });

  test("lets the oldest go at its bound", async () => {
    const files = new MemoryFiles();
    const quarantine = await opened(files);
    for (let i = 0; i < 300; i++) {
      quarantine.put(refused(i));
      await quarantine.durable();
    }
    const names = await files.list(FOLDER);
    expect(names).toHaveLength(3);
    let bytes = 0;
    for (const name of names) bytes += (await files.read(`${FOLDER}/${name}`))!.length;
    expect(bytes).toBeLessThan(3 * LIMITS.segmentBytes + 500);
    expect(quarantine.newest(1000)).toHaveLength(LIMITS.itemsMax);
    expect((await opened(files)).total).toBe(quarantine.total);
  });

  test("keeps only fingerprints of a device that has filled its share", async () => {
    const quarantine = await opened(new MemoryFiles());
    for (let i = 0; i < 5; i++) {
      quarantine.put(refused(i, { bytes: new Uint8Array(1000).fill(i) }));
    }
    quarantine.put(refused(9, { device: "air-2" }));
    await quarantine.durable();
    const items = quarantine.newest(10);
    const kept = await Promise.all(items.map((item) => quarantine.bytesOf(item.id)));
    expect(kept.map((bytes) => bytes?.length)).toEqual([
      3,
      undefined,
      undefined,
      undefined,
      1000,
      1000,
    ]);
  });

  test("says when the disk fails", async () => {
    const files = new MemoryFiles();
    const quarantine = await opened(files);
    files.setFaults(({ kind }) => (kind === "sync" ? "undone" : undefined));
    quarantine.put(refused(1));
    await expect(quarantine.durable()).rejects.toThrow();
  });
});
