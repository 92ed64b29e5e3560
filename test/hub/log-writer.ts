/**
 * A program for log.real.test.ts: a hub's log in the folder of its first argument, which takes statements in and seals
 * as fast as it can, and prints index and hash of what is durable, until it is killed.
 */

import process from "node:process";
import { encodeHex } from "../../ledger/bytes.ts";
import { systemClock } from "../../platform/clock.ts";
import { nodeFiles } from "../../platform/files.ts";
import { silentLogger } from "../../platform/log.ts";
import { fastestVerify } from "../../platform/native-verify.ts";
import { HubLog } from "../../hub/log.ts";
import { ORIGIN, testDevice } from "./support/devices.ts";
import { accepted, enrolDevice, HUB_SIGNER } from "./support/log-bench.ts";
import { TestChain } from "./support/log-maker.ts";

const folder = process.argv[2]!;
const parts = {
  files: nodeFiles,
  folder,
  signer: HUB_SIGNER,
  verify: fastestVerify,
  clock: systemClock,
  logger: silentLogger,
};
const isNew = !(await nodeFiles.exists(`${folder}/commit`));
const log = isNew
  ? await HubLog.create({ ...parts, origin: ORIGIN, blockSeconds: 1 })
  : await HubLog.open(parts);

log.onAccepted((entries) => {
  const lines = entries.map(({ index, statement }) => `${index} ${encodeHex(statement.hash)}\n`);
  process.stdout.write(lines.join(""));
});

const device = testDevice("air-1");
const key = log.state.registry.liveKey(device.name);
const chain =
  key === undefined
    ? enrolDevice(log, device.name, systemClock.nowMs())
    : new TestChain(device, key.lastHash);
chain.seq = (key?.lastSeq ?? -1) + 1;

let sealing: Promise<void> | undefined;
for (let value = 0; ; value++) {
  for (let i = 0; i < 4; i++) accepted(log.decide(chain.readings(value, systemClock.nowMs())));
  await log.durable();
  sealing ??= log.seal().then(() => {
    sealing = undefined;
  });
}
