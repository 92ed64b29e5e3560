/** Refused messages as JSON. */

import type { QuarantineItem } from "../admission/quarantine.ts";
import type { RefusedView } from "./schemas.ts";

/** Shows an item of the quarantine. */
export function refusedView(item: QuarantineItem): RefusedView {
  const { id, receivedMs, device, kid, seq, hash, code, text } = item;
  return {
    id,
    receivedMs,
    device: device ?? null,
    kid: kid ?? null,
    seq: seq ?? null,
    hash,
    code,
    text,
  };
}
