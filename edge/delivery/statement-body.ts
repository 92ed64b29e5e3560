/** The message in which a statement travels (docs/formats.md, section 10): by itself, or beside the preimage that it hides. */

import { encodeCbor } from "../../ledger/cbor.ts";
import type { OutboxRecord } from "../outbox/outbox-format.ts";

/** Makes the body of a statement's message. */
export function statementBody({
  statement,
  preimage,
}: Pick<OutboxRecord, "statement" | "preimage">): Uint8Array {
  return preimage ? encodeCbor([statement, preimage]) : statement;
}
