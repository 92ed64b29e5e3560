/** Writes logs of any length with the hub's own store, in this process, without broker and network. */

import { provePossession } from "../../ledger/kinds/possession.ts";
import { encodeEnrol } from "../../ledger/kinds/enrol.ts";
import { ManualClock } from "../../platform/clock.ts";
import { nodeFiles } from "../../platform/files.ts";
import { createKey } from "../../platform/key-file.ts";
import { silentLogger } from "../../platform/log.ts";
import { fastestVerify } from "../../platform/native-verify.ts";
import { systemRandom } from "../../platform/random.ts";
import { HubLog } from "../../hub/log.ts";
import { ORIGIN } from "./hub.ts";
import { signAhead } from "./load.ts";
import type { LoadDevice } from "./load.ts";

/** Makes a data folder as `hub init` does, with `blocks` blocks; gives one of its statements and the key to check it. */
export async function writeLog(
  folder: string,
  length: { blocks: number; entriesPerBlock: number },
): Promise<{ sample: Uint8Array; sampleKey: Uint8Array }> {
  await nodeFiles.makeFolder(folder);
  const signer = await createKey(nodeFiles, `${folder}/hub.key`, systemRandom);
  const clock = new ManualClock(Date.now() - length.blocks * 1000);
  const log = await HubLog.create({
    files: nodeFiles,
    folder,
    signer,
    verify: fastestVerify,
    clock,
    logger: silentLogger,
    origin: ORIGIN,
    blockSeconds: 10,
  });
  const device = await enrol(log, folder, clock);
  let sample = new Uint8Array(0);
  for (let block = 0; block < length.blocks; block++) {
    const iat = Math.floor(clock.nowMs() / 1000);
    for (const bytes of signAhead(device, length.entriesPerBlock, 1, iat)) {
      const decision = log.decide(bytes, { verify: () => true });
      if (decision.kind !== "accepted") throw new Error(`${decision.kind} while writing a log`);
      sample = bytes.slice();
    }
    await log.durable();
    await clock.advance(1000);
    await log.seal();
  }
  await log.close();
  return { sample, sampleKey: device.signer.publicKey };
}

async function enrol(log: HubLog, folder: string, clock: ManualClock): Promise<LoadDevice> {
  const signer = await createKey(nodeFiles, `${folder}/device.pem`, systemRandom);
  const name = "bench-0";
  const decision = log.submit({
    kind: "enrol",
    stream: "registry",
    iat: Math.floor(clock.nowMs() / 1000),
    payload: encodeEnrol({
      name,
      role: "device",
      key: signer.publicKey,
      pop: provePossession(ORIGIN, name, "device", signer),
      streams: ["air"],
      visibility: "public",
      everySeconds: 60,
      lat: 51.58,
      lon: -2.99,
    }),
  });
  if (decision.kind !== "accepted") throw new Error("the device could not be enrolled");
  return { name, signer, origin: ORIGIN, prev: decision.entry.statement.hash, seq: 0 };
}
