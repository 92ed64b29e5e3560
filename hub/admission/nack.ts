/** What a device is told of a statement that was refused (docs/formats.md, section 10). */

import { encodeHex, encodeUtf8 } from "../../ledger/bytes.ts";
import type { Hash } from "../../ledger/sha256.ts";
import type { Decision } from "../log.ts";

/** Writes a nack for a decision that refuses the statement or message of this hash; `undefined` for any other. */
export function formatNack(decision: Decision, hash: Hash): Uint8Array | undefined {
  if (decision.kind !== "refused" && decision.kind !== "equivocation") return undefined;
  const { statement, refusal } = decision;
  const expected = decision.kind === "refused" ? decision.expected : undefined;
  return encodeUtf8(
    JSON.stringify({
      kid: statement?.kid ?? null,
      seq: statement?.seq ?? null,
      hash: encodeHex(hash),
      code: refusal.code,
      text: refusal.text,
      ...(expected === undefined ? {} : { expected }),
    }),
  );
}
