/**
 * The text of a scenario file, as far as it can be one, and how its faults are told together.
 */
import { resolve } from "node:path";
import { decodeUtf8 } from "../../ledger/bytes.ts";
import type { Files } from "../../platform/files.ts";
import { needRegularFile } from "../../platform/given-file.ts";
import { UserError } from "../../platform/user-error.ts";

/** Some ten thousand boards. What is larger is something else, or has no end. */
const BYTES_MAX = 2 * 1024 * 1024;

/** Reads a scenario file, whose path may begin at `cwd`. Rejects with a `UserError` for what cannot be one. */
export async function readScenarioText(files: Files, cwd: string, file: string): Promise<string> {
  const path = resolve(cwd, file);
  await needRegularFile(files, path);
  const bytes = await files.readRange(path, 0, BYTES_MAX + 1);
  if (bytes === undefined) throw new UserError(`There is no file ${path}.`);
  if (bytes.length > BYTES_MAX)
    throw new UserError(`${path} is no scenario: it has more than ${BYTES_MAX} bytes.`);
  const text = decodeUtf8(bytes);
  if (text === undefined) throw new UserError(`${path} is no UTF-8 text.`);
  return text;
}

/** Makes one error of all faults of a file. */
export function scenarioError(file: string, faults: readonly string[]): UserError {
  const count = faults.length === 1 ? "one fault" : `${faults.length} faults`;
  return new UserError(`${file} has ${count}:\n${faults.join("\n")}`);
}
