/**
 * Names of signers, streams and quantities, the origin that names a log, and the bound on free text
 * (docs/formats.md, sections 1 and 3).
 */

import { encodeUtf8 } from "./bytes.ts";
import { ORIGIN_BYTES_MAX, TEXT_BYTES_MAX } from "./limits.ts";

const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

// One or more visible characters other than "+": what signed notes allow in a key name.
const ORIGIN = /^[^\s+\p{Cc}]+$/u;

/** Says whether a text may be a name: 1 to 63 of `a-z`, `0-9` and `-`, the first no hyphen. */
export function isName(value: unknown): value is string {
  return typeof value === "string" && NAME.test(value);
}

/** Says whether a text may be an origin: no white space, no `+`, no scheme, at most 255 bytes of UTF-8. */
export function isOrigin(value: unknown): value is string {
  return (
    typeof value === "string" &&
    ORIGIN.test(value) &&
    !value.includes("://") &&
    encodeUtf8(value).length <= ORIGIN_BYTES_MAX
  );
}

/** A stream of a device, as grants name it: `device/stream`. `undefined` where the text is no such pair of names. */
export function splitStream(value: string): { device: string; stream: string } | undefined {
  const [device, stream, ...rest] = value.split("/");
  if (rest.length > 0 || !isName(device) || !isName(stream)) return undefined;
  return { device, stream };
}

/** Says whether a text fits the bound on free text: 256 bytes of UTF-8. */
export function fitsFreeText(text: string): boolean {
  return text.length * 3 <= TEXT_BYTES_MAX || encodeUtf8(text).length <= TEXT_BYTES_MAX;
}
