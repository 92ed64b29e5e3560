/** What a page showed of a reading, held against what was signed. */

import type { Value } from "../api/answer.ts";
import type { EvidenceReport } from "../../../ledger/evidence.ts";
import type { Reading } from "../../../ledger/senml.ts";

/** A value as it was shown. */
export interface Claim {
  readonly entry: number;
  readonly device: string;
  readonly stream: string;
  readonly quantity: string;
  readonly unit: string | null;
  readonly value: Value;
  readonly timeMs: number;
}

/** What became of a claim: signed as shown, not checkable, or something else was signed. */
export type ClaimFinding =
  | { readonly kind: "confirmed"; readonly reading: Reading }
  | { readonly kind: "hidden" }
  | { readonly kind: "contradicted"; readonly words: string };

/** Compares a claim with verified evidence: same device, stream, quantity, time, unit and value. */
export function compareClaim(claim: Claim, report: EvidenceReport): ClaimFinding {
  const { who, statement, pack, index } = report;
  if (index !== claim.entry) {
    return contradicted(`the evidence is about entry ${index}, not about entry ${claim.entry}`);
  }
  if (who.name !== claim.device) {
    return contradicted(`the page showed a value of ${claim.device}, but ${who.name} has signed`);
  }
  if (statement.stream !== claim.stream) {
    return contradicted(
      `the page showed the stream ${claim.stream}, but it is signed in ${statement.stream}`,
    );
  }
  if (pack === undefined) {
    return statement.kind === "salted"
      ? { kind: "hidden" }
      : contradicted(`the entry holds no readings, it is of the kind "${statement.kind}"`);
  }
  return compareReadings(claim, pack.readings);
}

function compareReadings(claim: Claim, readings: readonly Reading[]): ClaimFinding {
  const ofQuantity = readings.filter(({ quantity }) => quantity === claim.quantity);
  const candidates = ofQuantity.filter((reading) => isSameTime(reading, claim));
  const reading = candidates.find(
    ({ value, unit }) => value === claim.value && (unit ?? "") === (claim.unit ?? ""),
  );
  if (reading !== undefined) return { kind: "confirmed", reading };
  const [other] = candidates;
  if (other !== undefined) {
    return contradicted(
      `the page showed ${words(claim.value, claim.unit)}, but ${words(other.value, other.unit)} is signed`,
    );
  }
  return contradicted(
    ofQuantity.length === 0
      ? `nothing called ${claim.quantity} is signed in this entry`
      : `${claim.quantity} is signed in this entry, but for another time than the page showed`,
  );
}

/** Readings may bear fractions of a second; the query API has milliseconds. */
function isSameTime(reading: Reading, claim: Claim): boolean {
  return Math.abs(reading.time * 1000 - claim.timeMs) < 1;
}

function words(value: Value, unit: string | null | undefined): string {
  return [String(value), unit ?? ""].join(" ").trim();
}

function contradicted(text: string): ClaimFinding {
  return { kind: "contradicted", words: text };
}
