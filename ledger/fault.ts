/**
 * Why a note, a proof, a receipt or an evidence file does not hold: a closed list, apart from the refusal codes of
 * statements (docs/formats.md, sections 8 and 9).
 *
 * A fault is a value that is returned, since what was handed in is a stranger's doing. It says that something could
 * not be shown, not that anybody cheated: anyone can send a proof that fails.
 */

/** All fault codes. */
export const FAULT_CODES = [
  /** The text or bytes are not of the form. */
  "malformed",
  /** It says that it is of a version or algorithm other than the ones known here. */
  "unknown-version",
  /** No key that the checker trusts has signed. */
  "untrusted",
  /** A key that the checker trusts is named, and its signature does not hold. */
  "bad-signature",
  /** It speaks about another log. */
  "wrong-origin",
  /** Fewer of the policy's signers have cosigned than its quorum asks for. */
  "no-quorum",
  /** The path does not lead from the entry to the root. */
  "not-included",
  /** An entry that the evidence needs is not in the file. */
  "missing-entry",
  /** An entry is in the log, and breaks the rules of the ledger; or it plays no part in the evidence. */
  "bad-entry",
] as const;

export type FaultCode = (typeof FAULT_CODES)[number];

/** Something does not hold. `text` says what was expected; it is for people, and may change. */
export class Fault {
  readonly code: FaultCode;
  readonly text: string;

  constructor(code: FaultCode, text: string) {
    this.code = code;
    this.text = text;
  }
}

/** Shortens `new Fault("malformed", text)`. */
export function malformedText(text: string): Fault {
  return new Fault("malformed", text);
}
