/** Whom an agent believes, read from its settings: the pinned vkey, and the pinned policy where there is one. */

import { Fault } from "../ledger/fault.ts";
import { isSameVkey, parseVkey, TYPE_ED25519 } from "../ledger/note.ts";
import type { Vkey } from "../ledger/note.ts";
import { decodeUtf8 } from "../ledger/bytes.ts";
import { NO_QUORUM, parsePolicy, trustVkey } from "../ledger/policy.ts";
import type { Policy } from "../ledger/policy.ts";
import type { Files } from "../platform/files.ts";
import { UserError } from "../platform/user-error.ts";
import type { RetentionLevel } from "./receipt-trust.ts";

/** What is pinned. */
export interface Pins {
  readonly origin: string;
  readonly vkey: string;
  /** The text of the policy file. */
  readonly policy?: string | undefined;
}

/** Reads a policy file as text. Throws `UserError` where it is not there. */
export async function readPolicyFile(files: Files, path: string): Promise<string> {
  const bytes = await files.read(path);
  const text = bytes && decodeUtf8(bytes);
  if (text === undefined) throw new UserError(`There is no policy file ${path}.`);
  return text;
}

/** Makes the policy that receipts are checked against. Throws `UserError` where the pins contradict one another. */
export function trustOf(pins: Pins): Policy {
  const vkey = hubKeyOf(pins);
  if (pins.policy === undefined) return trustVkey(vkey);
  const policy = parsePolicy(pins.policy);
  if (policy instanceof Fault) throw new UserError(`The policy cannot be read: ${policy.text}.`);
  if (!policy.logs.some((log) => isSameVkey(log.vkey, vkey))) {
    throw new UserError("The policy does not name the pinned vkey among its logs.", {
      hint: "One of the two belongs to another hub.",
    });
  }
  return policy;
}

function hubKeyOf({ origin, vkey: text }: Pins): Vkey {
  const vkey = parseVkey(text);
  if (vkey instanceof Fault) throw new UserError(`The vkey cannot be read: ${vkey.text}.`);
  if (vkey.type !== TYPE_ED25519) throw new UserError("The vkey is a cosigner's, not a hub's.");
  if (vkey.name !== origin) {
    throw new UserError(`The vkey is of the log ${vkey.name}, not of ${origin}.`);
  }
  return vkey;
}

/** Refuses a retention level that no receipt could ever show, since the outbox would only fill. */
export function checkRetention(level: RetentionLevel | undefined, policy: Policy): void {
  if (level !== "cosigned" || policy.quorum !== NO_QUORUM) return;
  throw new UserError('outbox.retention = "cosigned" needs a policy with a quorum.', {
    hint: "Name the log's policy file as hub.policy, or let retention be sealed.",
  });
}
