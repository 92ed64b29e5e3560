/** A policy file (docs/formats.md, section 8) as programs read it: its text, or the policy in it, or a sentence. */

import { Fault } from "../ledger/fault.ts";
import { parsePolicy } from "../ledger/policy.ts";
import type { Policy } from "../ledger/policy.ts";
import type { Files } from "./files.ts";
import { readGivenText } from "./given-file.ts";
import { UserError } from "./user-error.ts";

/** Reads the text of a policy file. Throws `UserError` where there is none, or it is no text. */
export async function readPolicyText(files: Files, path: string): Promise<string> {
  return readGivenText(files, path, "policy file");
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
