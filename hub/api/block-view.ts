/** Blocks and those who cosign them as JSON. */

import { encodeHex } from "../../ledger/bytes.ts";
import { formatVkey } from "../../ledger/note.ts";
import { NO_QUORUM } from "../../ledger/policy.ts";
import type { Policy } from "../../ledger/policy.ts";
import type { CosignerView } from "../cosigning.ts";
import type { HubLog, SealedBlock } from "../log.ts";
import type { EvidenceSummary } from "../store/evidence-store.ts";
import type { BlockView, ForkView, PeersView } from "./schemas.ts";

/** Shows a block. A peer that cosigned a later checkpoint vouches for it too. */
export function blockView(block: SealedBlock, cosigners: readonly CosignerView[]): BlockView {
  const { height, index, first, count, size, root, prev, timeMs, hash } = block;
  return {
    height,
    index,
    first,
    count,
    size,
    root: encodeHex(root),
    prev: encodeHex(prev),
    timeMs,
    hash: encodeHex(hash),
    sealed: true,
    cosignedBy: cosignersOf(index + 1, cosigners),
  };
}

/** The names of those that have cosigned a size or a larger one. */
export function cosignersOf(size: number, cosigners: readonly CosignerView[]): string[] {
  return cosigners.flatMap((each) =>
    each.size !== undefined && each.size >= size ? [each.witness.name] : [],
  );
}

/** Shows the signers of the policy. */
export function peerViews(
  cosigners: readonly CosignerView[],
  log: Pick<HubLog, "heightOf">,
): PeersView["peers"] {
  return cosigners.map(({ witness, size, timeSeconds }) => ({
    name: witness.name,
    vkey: formatVkey(witness.vkey),
    url: witness.url ?? null,
    size: size ?? null,
    height: size === undefined ? null : (log.heightOf(size - 1) ?? null),
    timeSeconds: timeSeconds ?? null,
  }));
}

/** Says what a policy asks for; `null` where that is nothing. */
export function quorumView(policy: Policy | undefined): PeersView["quorum"] {
  if (policy === undefined || policy.quorum === NO_QUORUM) return null;
  const group = policy.groups.find(({ name }) => name === policy.quorum);
  if (group === undefined) return { needed: 1, rule: policy.quorum };
  const { name, needed, members } = group;
  const count = needed === members.length ? "all" : needed === 1 ? "any" : String(needed);
  return { needed, rule: `group ${name} ${count} ${members.join(" ")}` };
}

/** Shows a contradiction that was found. */
export function forkView({ id, kind, subject, foundMs }: EvidenceSummary): ForkView {
  return { id, kind, subject, foundMs };
}
