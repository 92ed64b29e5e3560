/** What the query API reads. It changes nothing. */

import type { Clock } from "../../platform/clock.ts";
import type { Quarantine } from "../admission/quarantine.ts";
import type { Presence } from "../broker/presence.ts";
import type { Cosigning } from "../cosigning.ts";
import type { HubLog } from "../log.ts";
import type { Relay } from "../preview/relay.ts";
import type { Projections } from "../projections/projections.ts";
import type { DeviceFacts } from "./device-view.ts";
import type { Proofs } from "./proofs.ts";

/** See the head of the file. */
export interface QueryParts {
  readonly log: HubLog;
  readonly presence: Pick<Presence, "isOnline">;
  readonly quarantine: Pick<Quarantine, "newest" | "total">;
  /** Absent where the hub has no policy. */
  readonly cosigning: Cosigning | undefined;
  readonly projections: Pick<Projections, "latest" | "series" | "issuers" | "clips">;
  readonly proofs: Proofs;
  readonly previews: { readonly relay: Pick<Relay, "hasHadCameras"> };
  readonly clock: Clock;
  /** Where devices connect, if they do so here. */
  readonly mqttPort: number | undefined;
}

/** The newest size that the quorum has cosigned. */
export function cosignedSizeOf(parts: Pick<QueryParts, "cosigning">): number | undefined {
  return parts.cosigning?.cosignedSize();
}

/** What device views ask. */
export function deviceFacts(parts: QueryParts): DeviceFacts {
  return {
    log: parts.log,
    cosignedSize: cosignedSizeOf(parts),
    latestOf: (device) => parts.projections.latest.of(device),
    isOnline: (device) => parts.presence.isOnline(device),
  };
}
