/** Files with secrets: readable by their owner alone, or not used at all. */
import type { Files } from "./files.ts";
import { UserError } from "./user-error.ts";

/**
 * Reads a file that others must not be able to read. `what` is what it is called in sentences, such as `key file`.
 *
 * Rejects with a `UserError` where there is none, or others may read it.
 */
export async function readOwnerFile(files: Files, path: string, what: string): Promise<Uint8Array> {
  const facts = await files.facts(path);
  if (facts === undefined) throw new UserError(`There is no ${what} ${path}.`);
  if ((facts.mode & 0o077) !== 0) {
    const mode = facts.mode.toString(8).padStart(4, "0");
    throw new UserError(`The ${what} ${path} can be read by others (mode ${mode}).`, {
      hint: `Run "chmod 600 ${path}", and think about whether somebody may have copied it.`,
    });
  }
  return (await files.read(path)) ?? new Uint8Array(0);
}
