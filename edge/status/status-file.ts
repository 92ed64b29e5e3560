/** The status as a file in the data folder, `status.json`: up to ten minutes old, and there when the agent has stopped. */

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

/** Our own document, of this very version or an older one; `undefined` for half of one. */
export function parseStatus(text: string): AgentStatus | undefined {
  try {
    return JSON.parse(text) as AgentStatus;
  } catch {
    return undefined;
  }
}
