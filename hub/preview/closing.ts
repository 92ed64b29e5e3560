/**
 * Why the hub ends a connection of live pictures, or does not begin it (docs/preview.md, "Ends").
 *
 * A closed list: the reason is what a program goes by, the label of the metric, and the reason of the close frame.
 */

/** Close codes (RFC 6455, 7.4): 1001 is the standard's, those from 4000 on are this protocol's own. */
export const CLOSE_CODES = {
  stopping: 1001,
  malformed: 4000,
  silent: 4001,
  "bad-token": 4002,
  removed: 4003,
  replaced: 4004,
  unasked: 4005,
  "too-much": 4006,
  "no-camera": 4007,
  full: 4008,
  "too-slow": 4009,
  revoked: 4010,
} as const;

/** Why a connection ends by the hub's will. */
export type Closing = keyof typeof CLOSE_CODES;

/** Why a request for a connection is answered by an HTTP status, before there is one. */
export const REFUSAL_STATUSES = {
  "no-protocol": 400,
  "bad-origin": 403,
  "bad-token": 401,
  "too-many-failures": 429,
  full: 503,
} as const;

export type UpgradeRefusal = keyof typeof REFUSAL_STATUSES;
