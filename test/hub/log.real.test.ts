/** The log on a real disk, under a process that is killed while it takes statements in and seals. */

import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { encodeHex } from "../../ledger/bytes.ts";
import { sha256 } from "../../ledger/sha256.ts";
import { systemClock } from "../../platform/clock.ts";
import { nodeFiles } from "../../platform/files.ts";
import { silentLogger } from "../../platform/log.ts";
import { fastestVerify } from "../../platform/native-verify.ts";
import { seededRandom } from "../../platform/random.ts";
import { HubLog } from "../../hub/log.ts";
import { startProcess } from "../support/process.ts";
import { testScope } from "../support/scope.ts";
import { checkFolder, HUB_SIGNER } from "./support/log-bench.ts";

const WRITER = fileURLToPath(new URL("../../dist/test/hub/log-writer.js", import.meta.url));
const KILLS = 20;

const scope = testScope();

test("after kill -9 all that was called durable is there, once and in its place", async () => {
  const folder = await scope.folder("log");
  const random = seededRandom("log-kill");
  const promised = new Map<number, string>();
  for (let kill = 0; kill < KILLS; kill++) {
    const writer = await startProcess(scope, { program: process.execPath, args: [WRITER, folder] });
    const lines = 10 + Math.floor(random.unit() * 250);
    await writer.output(new RegExp(`(\\d+ \\w+\\n){${lines}}`));
    await writer.kill();
    expect(writer.stderr).toBe("");
    for (const line of writer.stdout.split("\n").slice(0, -1)) {
      const [index = "", hash = ""] = line.split(" ");
      promised.set(Number(index), hash);
    }
    await checkFolder(nodeFiles, folder);
  }
  const log = await HubLog.open({
    files: nodeFiles,
    folder,
    signer: HUB_SIGNER,
    verify: fastestVerify,
    clock: systemClock,
    logger: silentLogger,
  });
  await log.seal();
  await log.close();
  const { entries } = await checkFolder(nodeFiles, folder);
  const hashes = entries.map((entry) => encodeHex(sha256(entry)));
  expect(new Set(hashes).size).toBe(hashes.length);
  expect(promised.size).toBeGreaterThan(KILLS * 10);
  for (const [index, hash] of promised) expect(hashes[index]).toBe(hash);
});
