/**
 * The kinds of statements, their content types, and who may sign them on which stream (docs/formats.md, section 4).
 */

/** What a statement is. `salted` is the hash envelope of a restricted pack (section 7). */
export type Kind =
  | "readings"
  | "salted"
  | "clip"
  | "gap"
  | "genesis"
  | "seal"
  | "rekey"
  | "rules"
  | "enrol"
  | "revoke"
  | "grant"
  | "withdraw"
  | "erase";

/** Who a key speaks as. */
export type Role = "hub" | "registrar" | "owner" | "device";

/** The content type number of SenML in CBOR (RFC 8428, 12.3). */
export const SENML_CBOR = 112;

/** The content type of the preimage behind a hash envelope (label 259). */
export const SALTED_TYPE = "application/vnd.kerbstone.salted+cbor";

const PREFIX = "application/vnd.kerbstone.";
const SUFFIX = "+cbor";

const NAMED_KINDS: ReadonlySet<string> = new Set<Kind>([
  "clip",
  "gap",
  "genesis",
  "seal",
  "rekey",
  "rules",
  "enrol",
  "revoke",
  "grant",
  "withdraw",
  "erase",
]);

/** Gives the content type of a kind that has one; a hash envelope has none. */
export function contentTypeOf(kind: Exclude<Kind, "salted">): number | string {
  return kind === "readings" ? SENML_CBOR : PREFIX + kind + SUFFIX;
}

/** Finds the kind of a content type; `undefined` where there is none. */
export function kindOfContentType(type: number | string): Kind | undefined {
  if (type === SENML_CBOR) return "readings";
  if (typeof type !== "string" || !type.startsWith(PREFIX) || !type.endsWith(SUFFIX)) {
    return undefined;
  }
  const name = type.slice(PREFIX.length, type.length - SUFFIX.length);
  return NAMED_KINDS.has(name) ? (name as Kind) : undefined;
}
