/** The status as a file in the data folder, `status.json`: up to ten minutes old, and there when the agent has stopped. */

import { z } from "zod";
import { decodeUtf8, encodeUtf8 } from "../../ledger/bytes.ts";
import type { Files } from "../../platform/files.ts";
import type { AgentStatus } from "./status.ts";

const FILE = "status.json";

/** Reads what an agent has written last; `undefined` where it never has, or half of it is there. */
export async function readStatus(files: Files, folder: string): Promise<AgentStatus | undefined> {
  const bytes = await files.read(`${folder}/${FILE}`);
  const text = bytes && decodeUtf8(bytes);
  return text === undefined ? undefined : parseStatus(text);
}

/** Writes a status. Rejects with the disk's error. */
export function writeStatus(files: Files, folder: string, status: AgentStatus): Promise<void> {
  const text = `${JSON.stringify(status, undefined, 2)}\n`;
  return files.write(`${folder}/${FILE}`, encodeUtf8(text));
}

/** What everybody who shows a status relies on; the rest may be missing in what an older version has written. */
const shape = z.looseObject({
  device: z.string(),
  kid: z.string(),
  atMs: z.number(),
  isConnected: z.boolean(),
  clockSource: z.string(),
  waitingReadings: z.number(),
  oldestSeq: z.number(),
  storedSeq: z.number(),
  outboxBytes: z.number(),
  outboxBytesMax: z.number(),
  counters: z.looseObject({ readings: z.number(), readingsDropped: z.number() }),
  sensors: z.array(
    z.looseObject({
      stream: z.string(),
      driver: z.string(),
      address: z.string(),
      state: z.string(),
      line: z.string(),
      quantities: z.array(z.string()),
      lineCounters: z.looseObject({ bytesRead: z.number() }),
      frameCounters: z.looseObject({ framesGood: z.number(), framesBad: z.number() }),
    }),
  ),
});

/** Our own document, of this very version or an older one; `undefined` for half of one, or another. */
export function parseStatus(text: string): AgentStatus | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return shape.safeParse(value).success ? (value as AgentStatus) : undefined;
  } catch {
    return undefined;
  }
}
