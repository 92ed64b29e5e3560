/** Passwords at rest: one a file, readable by its owner alone. Whatever edits settings or shows them never sees one. */

import { decodeUtf8 } from "../../ledger/bytes.ts";
import type { Files } from "../../platform/files.ts";
import { UserError } from "../../platform/user-error.ts";

const BYTES_MAX = 1024;

/** Reads a password: what the file holds, without the line's end. Rejects with `UserError` where others may read it. */
export async function readPassword(files: Files, path: string): Promise<string> {
  const facts = await files.facts(path);
  if (facts === undefined) throw new UserError(`There is no password file ${path}.`);
  if ((facts.mode & 0o077) !== 0) {
    const mode = facts.mode.toString(8).padStart(4, "0");
    throw new UserError(`The password file ${path} can be read by others (mode ${mode}).`, {
      hint: `Run "chmod 600 ${path}", and think about whether somebody may have copied it.`,
    });
  }
  const bytes = (await files.read(path)) ?? new Uint8Array(0);
  const text = decodeUtf8(bytes)?.replace(/\r?\n$/, "");
  const isPassword = text !== undefined && text !== "" && !/\p{Cc}/u.test(text);
  if (!isPassword || bytes.length > BYTES_MAX)
    throw new UserError(`${path} does not hold a password: one line of text is expected.`);
  return text;
}
