/** Passwords at rest: one a file, readable by its owner alone. Whatever edits settings or shows them never sees one. */

import { decodeUtf8 } from "../../ledger/bytes.ts";
import type { Files } from "../../platform/files.ts";
import { readOwnerFile } from "../../platform/owner-file.ts";
import { UserError } from "../../platform/user-error.ts";

const BYTES_MAX = 1024;

/** Reads a password: what the file holds, without the line's end. Rejects with `UserError` where others may read it. */
export async function readPassword(files: Files, path: string): Promise<string> {
  const bytes = await readOwnerFile(files, path, "password file");
  const text = decodeUtf8(bytes)?.replace(/\r?\n$/, "");
  const isPassword = text !== undefined && text !== "" && !/\p{Cc}/u.test(text);
  if (!isPassword || bytes.length > BYTES_MAX)
    throw new UserError(`${path} does not hold a password: one line of text is expected.`);
  return text;
}
