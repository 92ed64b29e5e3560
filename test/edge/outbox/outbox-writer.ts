/**
 * A program for outbox.real.test.ts: signs as fast as it can into the outbox in its first argument, and prints the
 * greatest number that is safe after each flush, until it is killed.
 */

import process from "node:process";
import { Outbox } from "../../../edge/outbox/outbox.ts";
import { ZERO_HASH } from "../../../ledger/sha256.ts";
import { nodeFiles } from "../../../platform/files.ts";

const outbox = await Outbox.open({
  files: nodeFiles,
  folder: process.argv[2]!,
  kid: new Uint8Array(8).fill(7),
  segmentBytes: 8_000,
});
if (outbox.tail === undefined) await outbox.anchor({ seq: 0, follows: 0, prev: ZERO_HASH });

for (;;) {
  for (let i = 0; i < 5; i++) {
    const { seq, follows } = outbox.tail!;
    const gap = follows < seq ? { gap: { from: follows } } : {};
    outbox.add({ seq, statement: new Uint8Array(200).fill(seq & 0xff), ...gap });
  }
  await outbox.flush();
  process.stdout.write(`${outbox.durable}\n`);
}
