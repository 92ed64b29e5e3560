/**
 * A file of claims, one a line, as `kerbstone edge init` prints them: reading it, before anything of it is sent.
 *
 * A line that is no claim, or is for another log, is a sign of the wrong file: then nothing of it is enrolled.
 */

import { parseEnrolmentRequest } from "../../platform/enrolment-request.ts";
import { UserError } from "../../platform/user-error.ts";

/** A claim and where it stands. */
export interface ClaimLine {
  /** From 1. */
  readonly line: number;
  readonly name: string;
  readonly claim: string;
}

const CLAIMS_MAX = 200_000;
const FAULTS_SHOWN = 20;
/** `edge init` prints the whole command: its lines may be collected as they are. */
const COMMAND = /^(?:npx +)?kerbstone +hub +enrol +/;

/**
 * Reads the claims for the log `origin`. Empty lines, and those that begin with `#`, are passed over.
 *
 * Throws one `UserError` that names every line that is wrong, up to a number.
 */
export function readClaims(text: string, origin: string): ClaimLine[] {
  const claims: ClaimLine[] = [];
  const faults: string[] = [];
  for (const [at, content] of text.split("\n").entries()) {
    const claim = content.trim().replace(COMMAND, "").split(/ +--/)[0]!.trim();
    if (claim === "" || claim.startsWith("#")) continue;
    const line = at + 1;
    const name = nameIn(claim, origin);
    if (typeof name === "string") claims.push({ line, name, claim });
    else faults.push(`  line ${line}: ${name.fault}`);
  }
  if (faults.length > 0) throw wrongFile(faults);
  if (claims.length > CLAIMS_MAX) {
    throw new UserError(
      `${claims.length} claims are too many for one file; ${CLAIMS_MAX} are taken.`,
    );
  }
  return claims;
}

/** The name of the device that a claim is of, or what is wrong with the claim. */
function nameIn(claim: string, origin: string): string | { readonly fault: string } {
  try {
    const request = parseEnrolmentRequest(claim);
    if (request.origin === origin) return request.name;
    return { fault: `the request is for the log ${request.origin}, this one is ${origin}` };
  } catch (error) {
    if (error instanceof UserError) return { fault: error.message };
    throw error;
  }
}

function wrongFile(faults: readonly string[]): UserError {
  const shown = faults.slice(0, FAULTS_SHOWN);
  const more = faults.length - shown.length;
  const rest = more > 0 ? [`  … and ${more} more`] : [];
  const lines = faults.length === 1 ? "1 line is wrong" : `${faults.length} lines are wrong`;
  return new UserError([`${lines}, so nothing was enrolled:`, ...shown, ...rest].join("\n"));
}
