/** Entries as projections take them, made in no time: real statements whose signatures nobody looks at. */

import { projectedEntry } from "../../../hub/projections/entry-feed.ts";
import type { ProjectedEntry } from "../../../hub/projections/entry-feed.ts";
import { encodePack } from "../../../ledger/senml.ts";
import type { Reading } from "../../../ledger/senml.ts";
import { ZERO_HASH } from "../../../ledger/sha256.ts";
import type { Signer } from "../../../ledger/signature.ts";
import { signStatement } from "../../../ledger/statement.ts";

const nobody: Signer = {
  publicKey: new Uint8Array(32),
  sign: () => new Uint8Array(64),
};

export const IAT = 1_767_225_600;

/** A pack in words. */
export interface PackSpec {
  readonly device?: string;
  readonly stream?: string;
  readonly readings: readonly Reading[];
}

/** Makes the entry at `index` out of a pack. */
export function packEntry(index: number, spec: PackSpec): ProjectedEntry {
  const { device = "air-1", stream = "main", readings } = spec;
  const iat = Math.max(IAT, ...readings.map(({ time }) => Math.ceil(time)));
  const payload = encodePack(device, { lat: 51.59, lon: -2.99 }, readings, iat);
  const chain = { issuer: device, seq: index, prev: ZERO_HASH };
  const draft = { kind: "readings", stream, iat, payload } as const;
  return projectedEntry(index, signStatement(chain, draft, nobody));
}

/** Makes entries out of packs, from index 0 on. */
export function packEntries(specs: readonly PackSpec[]): ProjectedEntry[] {
  return specs.map((spec, index) => packEntry(index, spec));
}
