/**
 * Files that a person names, in a command line or in settings: read at once, or refused in a sentence.
 *
 * What is no regular file is not opened at all: a pipe would keep the program waiting for a writer, and a device may never
 * end. Files that programs keep for themselves need none of this.
 */
import { decodeUtf8 } from "../ledger/bytes.ts";
import type { FileFacts, Files } from "./files.ts";
import { UserError } from "./user-error.ts";

/** Somewhat less than the longest text that Node can hold. */
const BYTES_MAX = 500 * 1024 * 1024;

/** Rejects with a `UserError` where there is a folder, a pipe or a device at the path. Nothing at all is fine. */
export async function needRegularFile(files: Files, path: string): Promise<void> {
  refuseOther(path, await files.facts(path));
}

/**
 * Reads a whole file. `what` names it in sentences: "policy file".
 *
 * Rejects with a `UserError` where there is none, or no regular file, or one of more than 500 MiB.
 */
export async function readGivenFile(
  files: Files,
  path: string,
  what = "file",
): Promise<Uint8Array> {
  const facts = await files.facts(path);
  refuseOther(path, facts);
  if (facts !== undefined && facts.size > BYTES_MAX)
    throw new UserError(`${path} is too large for a ${what}: it has more than 500 MiB.`);
  const bytes = facts && (await files.read(path));
  if (bytes === undefined) throw new UserError(`There is no ${what} ${path}.`);
  return bytes;
}

function refuseOther(path: string, facts: FileFacts | undefined): void {
  if (facts === undefined || facts.isFile) return;
  if (facts.isFolder) throw new UserError(`${path} is a folder, and a file is needed there.`);
  throw new UserError(`${path} is a pipe or a device, and a file is needed there.`, {
    hint: "Write what comes from it into a file, and name that.",
  });
}

/** Reads a whole text. Rejects as `readGivenFile` does, and for what is not in UTF-8. */
export async function readGivenText(files: Files, path: string, what = "file"): Promise<string> {
  const text = decodeUtf8(await readGivenFile(files, path, what));
  if (text === undefined) throw new UserError(`${path} is no text in UTF-8.`);
  return text;
}
