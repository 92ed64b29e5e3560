/**
 * When this program was made: no clock that says less can be right (docs/edge.md, "Time").
 *
 * Moved forward with each release. A setting replaces it where recordings are replayed.
 */

export const BUILD_DATE = "2026-11-01";
