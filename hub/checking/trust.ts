/** Whom the person at the command line trusts: `--vkey`, or `--policy FILE` (docs/formats.md, section 8). */

import { Fault } from "../../ledger/fault.ts";
import { parseVkey, TYPE_ED25519 } from "../../ledger/note.ts";
import { trustVkey } from "../../ledger/policy.ts";
import type { Policy } from "../../ledger/policy.ts";
import type { Files } from "../../platform/files.ts";
import { readPolicyFile } from "../../platform/policy-file.ts";
import { UserError } from "../../platform/user-error.ts";

const EXAMPLE =
  "Example: --vkey kerbstone.example/newport+a1de9dc8+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea";

/** The flags of every command that checks something. */
export const TRUST_FLAGS = {
  vkey: { type: "text", value: "VKEY", about: "the log's key that you trust" },
  policy: { type: "text", value: "FILE", about: "a policy: log keys, witnesses and their quorum" },
} as const;

/** Reads the trust of a command line; `undefined` where it says nothing. Throws `UserError` for what cannot be read. */
export async function readTrust(
  flags: { readonly vkey: string | undefined; readonly policy: string | undefined },
  files: Files,
): Promise<Policy | undefined> {
  if (flags.vkey !== undefined && flags.policy !== undefined) {
    throw new UserError("--vkey and --policy say the same thing twice; give one of them.");
  }
  if (flags.vkey !== undefined) return trustText(flags.vkey);
  return flags.policy === undefined ? undefined : readPolicyFile(files, flags.policy);
}

function trustText(text: string): Policy {
  const vkey = parseVkey(text);
  if (vkey instanceof Fault) throw new UserError(`--vkey: ${vkey.text}`, { hint: EXAMPLE });
  if (vkey.type !== TYPE_ED25519) {
    throw new UserError("--vkey is the key of a cosigner; expected the log's.", { hint: EXAMPLE });
  }
  return trustVkey(vkey);
}
