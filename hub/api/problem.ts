/**
 * Why a request is not answered: problem details as JSON (RFC 9457) and, for SCRAPI, as CBOR (RFC 9290;
 * docs/formats.md, section 12).
 *
 * A problem is a value that routes return, since the fault is the asker's.
 */

import { encodeCbor } from "../../ledger/cbor.ts";
import type { CborKey, CborValue } from "../../ledger/cbor.ts";
import type { Refusal, RefusalCode } from "../../ledger/errors.ts";

/** What programs go by; people read the text. */
export const PROBLEM_CODES = [
  "bad-request",
  "unauthorized",
  "not-found",
  "not-sealed",
  "too-large",
  "unsupported",
  "too-many",
  "busy",
  "failed",
] as const;

export type ProblemCode = (typeof PROBLEM_CODES)[number];

const STATUSES: Readonly<Record<ProblemCode, number>> = {
  "bad-request": 400,
  unauthorized: 401,
  "not-found": 404,
  "not-sealed": 409,
  "too-large": 413,
  unsupported: 415,
  "too-many": 429,
  busy: 503,
  failed: 500,
};

const TITLES: Readonly<Record<ProblemCode, string>> = {
  "bad-request": "The request is not understood",
  unauthorized: "Not without a valid token",
  "not-found": "There is no such thing",
  "not-sealed": "Not sealed yet",
  "too-large": "Too large",
  unsupported: "Not a type that is taken here",
  "too-many": "Too many attempts",
  busy: "Too busy",
  failed: "The hub failed",
};

/** A request that is not answered. */
export class Problem {
  readonly code: ProblemCode;
  readonly text: string;
  /** When asking again may help. */
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ProblemCode, text: string, retryAfterSeconds?: number) {
    this.code = code;
    this.text = text;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  get status(): number {
    return STATUSES[this.code];
  }
}

export const PROBLEM_JSON = "application/problem+json";
export const PROBLEM_CBOR = "application/concise-problem-details+cbor";

/** Problem details as they stand in an answer. */
export interface ProblemDetails {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ProblemCode;
}

/** Writes a problem for JSON. */
export function problemDetails(problem: Problem): ProblemDetails {
  const { code, status, text } = problem;
  return { type: "about:blank", title: TITLES[code], status, detail: text, code };
}

const LABEL_TITLE = -1;
const LABEL_DETAIL = -2;

/** Writes a problem as CBOR; the title is what programs go by. */
export function encodeProblem(title: string, detail: string): Uint8Array {
  return encodeCbor(
    new Map<CborKey, CborValue>([
      [LABEL_TITLE, title],
      [LABEL_DETAIL, detail],
    ]),
  );
}

const REFUSAL_STATUSES: Partial<Readonly<Record<RefusalCode, number>>> = {
  "unknown-key": 403,
  "revoked-key": 403,
  "wrong-issuer": 403,
  "wrong-role": 403,
  "not-owner": 403,
  "broken-chain": 409,
  taken: 409,
  "too-large": 413,
  quota: 429,
};

/** The HTTP status of a refusal. */
export function statusOfRefusal({ code }: Refusal): number {
  return REFUSAL_STATUSES[code] ?? 400;
}
