/** Why something was revoked, erased or left out: a closed list, since entries are for ever (docs/formats.md, section 4). */

export const REASONS = [
  "subject-request",
  "expired",
  "mistake",
  "court-order",
  "lost",
  "stolen",
  "retired",
  "replaced",
  "refused",
  "released",
  "counter-lost",
] as const;

export type Reason = (typeof REASONS)[number];
