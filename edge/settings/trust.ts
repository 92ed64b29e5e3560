/** Whom an agent believes, by its settings: the pinned vkey, and the pinned policy where there is one. */

import { Fault } from "../../ledger/fault.ts";
import { isSameVkey, parseVkey, TYPE_ED25519 } from "../../ledger/note.ts";
import type { Vkey } from "../../ledger/note.ts";
import { NO_QUORUM, trustVkey } from "../../ledger/policy.ts";
import type { Policy } from "../../ledger/policy.ts";
import { parsePolicyText } from "../../platform/policy-file.ts";
import { UserError } from "../../platform/user-error.ts";
import type { RetentionLevel } from "../delivery/receipt-trust.ts";

/** What is pinned. */
export interface Pins {
  readonly origin: string;
  readonly vkey: string;
  /** The text of the policy file. */
  readonly policy?: string | undefined;
}

/** Makes the policy that receipts are checked against. Throws `UserError` where the pins contradict one another. */
export function trustOf(pins: Pins): Policy {
  const vkey = hubKeyOf(pins);
  if (pins.policy === undefined) return trustVkey(vkey);
  const policy = parsePolicyText(pins.policy, "The policy cannot be read");
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
