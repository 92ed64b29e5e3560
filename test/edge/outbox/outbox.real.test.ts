/** The outbox on a real disk, under a process that is killed while it writes. */

import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Outbox } from "../../../edge/outbox/outbox.ts";
import { sha256 } from "../../../ledger/sha256.ts";
import { nodeFiles } from "../../../platform/files.ts";
import { startProcess } from "../../support/process.ts";
import { testScope } from "../../support/scope.ts";

const WRITER = fileURLToPath(
  new URL("../../../dist/test/edge/outbox/outbox-writer.js", import.meta.url),
);

const scope = testScope();

test("after kill -9 all that was called safe is there, in order, and the counter lies behind it", async () => {
  const folder = join(await scope.folder(), "outbox");
  for (let round = 0; round < 6; round++) {
    const writer = await startProcess(scope, { program: process.execPath, args: [WRITER, folder] });
    await writer.output(new RegExp(`(\\d+\\n){${15 + round * 20}}`));
    await writer.kill();
    expect(writer.stderr).toBe("");
    const safe = Number(writer.stdout.trimEnd().split("\n").at(-1));
    const outbox = await Outbox.open({
      files: nodeFiles,
      folder,
      kid: new Uint8Array(8).fill(7),
      segmentBytes: 8_000,
    });
    expect(outbox.durable).toBeGreaterThanOrEqual(safe);
    for (let seq = 0; seq <= outbox.durable; seq++) {
      const record = await outbox.read(seq);
      if (outbox.nextLive(seq) === seq) expect(record?.statement).toEqual(bytesOf(seq));
    }
    const { tail, durable } = outbox;
    expect(tail?.follows).toBe(durable + 1);
    expect(tail?.prev).toEqual(sha256(bytesOf(durable)));
    await outbox.close();
  }
});

function bytesOf(seq: number): Uint8Array {
  return new Uint8Array(200).fill(seq & 0xff);
}
