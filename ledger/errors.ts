/**
 * Why a statement is refused: the closed list of docs/formats.md, section 11.
 *
 * A refusal is a value that is returned, since bad input is a stranger's doing and no fault of the program. The
 * code is also the metric label and the title of the HTTP problem, so the list never grows without the formats.
 */

/** All refusal codes, in the order in which the checks stand in docs/formats.md. */
export const REFUSAL_CODES = [
  "malformed",
  "too-large",
  "unknown-kind",
  "bad-algorithm",
  "unknown-key",
  "revoked-key",
  "wrong-issuer",
  "wrong-role",
  "wrong-stream",
  "bad-signature",
  "broken-chain",
  "taken",
  "bad-possession",
  "not-owner",
  "wrong-name",
  "relative-time",
  "future",
  "no-position",
  "bad-block",
  "too-new",
  "bad-preimage",
  "quota",
] as const;

export type RefusalCode = (typeof REFUSAL_CODES)[number];

/** A statement was refused. `text` says to its sender what was expected; it is for people, and may change. */
export class Refusal {
  readonly code: RefusalCode;
  readonly text: string;

  constructor(code: RefusalCode, text: string) {
    this.code = code;
    this.text = text;
  }
}

/** Shortens `new Refusal("malformed", text)`, by far the most common one. */
export function malformed(text: string): Refusal {
  return new Refusal("malformed", text);
}
