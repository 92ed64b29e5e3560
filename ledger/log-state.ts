/**
 * Everything that admission remembers of a log: enough to judge the next entry, and nothing that grows with readings.
 *
 * `snapshotState` and `restoreState` carry it over a restart, so that starting does not mean replaying.
 */

import { isCborMap, decodeCbor, encodeCbor, encodeHead } from "./cbor.ts";
import type { CborMap, CborValue } from "./cbor.ts";
import { encodeHex, joinBytes } from "./bytes.ts";
import { encodeFields, encodeKeys } from "./key-snapshot.ts";
import { fieldMap } from "./kinds/payload.ts";
import type { Role } from "./kinds/kind.ts";
import { MerkleFrontier } from "./merkle.ts";
import { Registry } from "./registry.ts";
import type { DeviceProfile, KeyState } from "./registry.ts";
import { asHash } from "./sha256.ts";
import type { Hash } from "./sha256.ts";

/** The newest seal: what the next one must follow. */
export interface SealHead {
  readonly height: number;
  /** The seal's index. */
  readonly index: number;
  /** SHA-256 of the seal's statement. */
  readonly hash: Hash;
  readonly timeMs: number;
}

/** The state of a log between two entries. Changed only by `apply` of admission.ts; others read it. */
export class LogState {
  /** Empty until genesis. */
  origin = "";
  blockSeconds = 0;
  /** Whether genesis named registrars: if so, the hub may not enrol. */
  hasRegistrars = false;
  /** The hub's live key; `undefined` before genesis. */
  hub: KeyState | undefined = undefined;
  /** The newest seal; `undefined` before the first. */
  head: SealHead | undefined = undefined;
  /** The latest `iat` of the open block, in seconds; 0 while it is empty. */
  latestIat = 0;
  readonly registry: Registry = new Registry();
  frontier: MerkleFrontier = new MerkleFrontier();

  /** Entries of the log, and so the index of the next one. */
  get size(): number {
    return this.frontier.size;
  }

  /** Index of the first entry of the open block. */
  get firstOpen(): number {
    return this.head === undefined ? 0 : this.head.index + 1;
  }
}

const SNAPSHOT_VERSION = 1;
const MAP = 5;

/** Writes the state down as deterministic CBOR: equal states give equal bytes. */
export function snapshotState(state: LogState): Uint8Array {
  const { head, hub, origin, blockSeconds, hasRegistrars, latestIat, size } = state;
  // Map keys stand in order of their length, then bytewise: `keys` between these two groups.
  const before = { v: SNAPSHOT_VERSION, hub: hub?.kid, head: head && fieldMap({ ...head }) };
  const frontier = state.frontier.hashes();
  const after = { size, origin, frontier, latestIat, blockSeconds, hasRegistrars };
  const count = Object.values({ ...before, ...after }).filter((each) => each !== undefined).length;
  return joinBytes([
    encodeHead(MAP, count + 1),
    encodeFields(before),
    encodeCbor("keys"),
    encodeKeys(state.registry.all()),
    encodeFields(after),
  ]);
}

/** Reads a snapshot of our own back. Throws `RangeError` for any other bytes. */
export function restoreState(bytes: Uint8Array): LogState {
  const map = decodeCbor(bytes);
  if (!isCborMap(map as CborValue) || (map as CborMap).get("v") !== SNAPSHOT_VERSION) {
    throw new RangeError("not a snapshot of a log's state, version 1");
  }
  const fields = map as CborMap;
  const state = new LogState();
  state.origin = fields.get("origin") as string;
  state.blockSeconds = fields.get("blockSeconds") as number;
  state.hasRegistrars = fields.get("hasRegistrars") as boolean;
  state.latestIat = fields.get("latestIat") as number;
  const frontier = fields.get("frontier") as Uint8Array[];
  state.frontier = MerkleFrontier.from(
    fields.get("size") as number,
    frontier.map((hash) => hash.slice()),
  );
  for (const key of fields.get("keys") as CborMap[]) state.registry.add(restoreKey(key));
  const hub = fields.get("hub") as string | undefined;
  state.hub = hub === undefined ? undefined : state.registry.key(hub);
  state.head = restoreHead(fields.get("head") as CborMap | undefined);
  return state;
}

function restoreHead(head: CborMap | undefined): SealHead | undefined {
  if (head === undefined) return undefined;
  return {
    height: head.get("height") as number,
    index: head.get("index") as number,
    hash: asHash((head.get("hash") as Uint8Array).slice()),
    timeMs: head.get("timeMs") as number,
  };
}

function restoreKey(key: CborMap): KeyState {
  const revoked = key.get("revoked") as CborMap | undefined;
  return {
    kid: encodeHex(key.get("kid") as Uint8Array),
    publicKey: (key.get("publicKey") as Uint8Array).slice(),
    name: key.get("name") as string,
    role: key.get("role") as Role,
    device: restoreDevice(key.get("device") as CborMap | undefined),
    enrolledAt: key.get("enrolledAt") as number,
    lastSeq: key.get("lastSeq") as number,
    lastHash: asHash((key.get("lastHash") as Uint8Array).slice()),
    lastIat: key.get("lastIat") as number,
    revoked: revoked && { at: revoked.get("at") as number, last: revoked.get("last") as number },
  };
}

function restoreDevice(device: CborMap | undefined): DeviceProfile | undefined {
  if (device === undefined) return undefined;
  const hidden = device.get("private") as Uint8Array | undefined;
  return {
    streams: device.get("streams") as string[],
    visibility: device.get("visibility") as "public" | "restricted",
    everySeconds: device.get("everySeconds") as number,
    owner: device.get("owner") as string | undefined,
    lat: device.get("lat") as number | undefined,
    lon: device.get("lon") as number | undefined,
    model: device.get("model") as string | undefined,
    private: hidden && asHash(hidden.slice()),
  };
}
