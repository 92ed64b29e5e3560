/** A policy file (docs/formats.md, section 8) as programs read it: its text, or the policy in it, or a sentence. */

import { decodeUtf8 } from "../ledger/bytes.ts";
import { Fault } from "../ledger/fault.ts";
import { parsePolicy } from "../ledger/policy.ts";
import type { Policy } from "../ledger/policy.ts";
import type { Files } from "./files.ts";
import { UserError } from "./user-error.ts";

/** Reads the text of a policy file. Throws `UserError` where there is none, or it is no text. */
export async function readPolicyText(files: Files, path: string): Promise<string> {
  const bytes = await files.read(path);
  if (bytes === undefined) throw new UserError(`There is no policy file ${path}.`);
  const text = decodeUtf8(bytes);
  if (text === undefined) throw new UserError(`${path} is no UTF-8 text.`);
  return text;
}

/** Parses the text of a policy that came from `place`. Throws `UserError` that names the line at fault. */
export function parsePolicyText(text: string, place: string): Policy {
  const policy = parsePolicy(text);
  if (policy instanceof Fault) throw new UserError(`${place}: ${policy.text}`);
  return policy;
}

/** Reads the policy in a file. Throws `UserError` as the two above. */
export async function readPolicyFile(files: Files, path: string): Promise<Policy> {
  return parsePolicyText(await readPolicyText(files, path), path);
}
