/** Files that their owner alone may read: keys, and the passwords of other people's machines. */
import { decodeUtf8 } from "../ledger/bytes.ts";
import type { Files } from "./files.ts";
import { needRegularFile } from "./given-file.ts";
import { UserError } from "./user-error.ts";

/** The mode of such a file. */
export const OWNER_ONLY = 0o600;

/** No password is longer; whoever names a film as one should hear of it. */
const PASSWORD_BYTES_MAX = 1024;

/** Rejects with a `UserError` where there is no such file, no regular one, or others may read it. `what` names it: "key file". */
export async function needOwnerOnly(files: Files, path: string, what: string): Promise<void> {
  const facts = await files.facts(path);
  if (facts === undefined) throw new UserError(`There is no ${what} ${path}.`);
  await needRegularFile(files, path);
  if ((facts.mode & 0o077) === 0) return;
  const mode = facts.mode.toString(8).padStart(4, "0");
  throw new UserError(`The ${what} ${path} can be read by others (mode ${mode}).`, {
    hint: `Run "chmod 600 ${path}", and think about whether somebody may have copied it.`,
  });
}

/** Reads a password: the file's one line, without its end. Rejects as `needOwnerOnly` does, and for anything else. */
export async function readPassword(files: Files, path: string): Promise<string> {
  await needOwnerOnly(files, path, "password file");
  const bytes = await files.readRange(path, 0, PASSWORD_BYTES_MAX + 1);
  const text = bytes && decodeUtf8(bytes)?.replace(/\r?\n$/, "");
  if (bytes === undefined || bytes.length > PASSWORD_BYTES_MAX || !isOneLine(text)) {
    throw new UserError(`The password file ${path} holds no password: expected one line of text.`);
  }
  return text;
}

function isOneLine(text: string | undefined): text is string {
  return text !== undefined && text !== "" && !/\p{Cc}/u.test(text);
}
