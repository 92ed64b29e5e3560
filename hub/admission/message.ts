/**
 * What arrives for admission: a statement, or a restricted statement with its preimage (docs/formats.md, section 10).
 */

import { decodeCbor } from "../../ledger/cbor.ts";
import { malformed, Refusal } from "../../ledger/errors.ts";
import { PAIR_BYTES_MAX } from "../../ledger/limits.ts";

/** A message taken apart, as far as its wrapping goes. */
export interface MessageBody {
  readonly bytes: Uint8Array;
  readonly preimage?: Uint8Array;
}

/** The first byte of a CBOR array of two; a statement begins with a tag. */
const PAIR_HEAD = 0x82;

/** Finds statement and preimage in a message's bytes; `malformed` or `too-large` where a pair is none. */
export function openBody(body: Uint8Array): MessageBody | Refusal {
  if (body[0] !== PAIR_HEAD) return { bytes: body };
  if (body.length > PAIR_BYTES_MAX) {
    return new Refusal(
      "too-large",
      `a statement with its preimage has at most ${PAIR_BYTES_MAX} bytes`,
    );
  }
  const pair = decodeCbor(body);
  if (pair instanceof Refusal) return pair;
  const [bytes, preimage] = pair as readonly unknown[];
  if (!(bytes instanceof Uint8Array) || !(preimage instanceof Uint8Array)) {
    return malformed("a pair is [bstr statement, bstr preimage]");
  }
  return { bytes, preimage };
}
