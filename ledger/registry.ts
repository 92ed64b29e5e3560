/**
 * Who may speak: every key that was ever enrolled, and which name each live key has (docs/formats.md, section 4).
 *
 * A plain table that admission reads and changes. It decides nothing itself.
 */

import type { Enrol } from "./kinds/enrol.ts";
import type { Role } from "./kinds/kind.ts";
import { kidHex } from "./key.ts";
import type { Hash } from "./sha256.ts";

/** What an enrolment says of a device. */
export interface DeviceProfile {
  readonly streams: readonly string[];
  readonly visibility: "public" | "restricted";
  readonly everySeconds: number;
  readonly owner: string | undefined;
  /** WGS 84 degrees; absent for a restricted device, as is the model. */
  readonly lat: number | undefined;
  readonly lon: number | undefined;
  readonly model: string | undefined;
  /** The hash that stands for position and model of a restricted device. */
  readonly private: Hash | undefined;
}

/** One key of the log and where its chain stands. `last…` and `revoked` change with every admission. */
export interface KeyState {
  /** 16 hex digits. */
  readonly kid: string;
  readonly publicKey: Uint8Array;
  readonly name: string;
  readonly role: Role;
  readonly device: DeviceProfile | undefined;
  /** Index of the entry that enrolled it. */
  readonly enrolledAt: number;
  /** The last admitted `seq`, -1 before the first. */
  lastSeq: number;
  /** What `prev` of its next statement must be. */
  lastHash: Hash;
  /** `iat` of its last admitted statement, 0 before the first. */
  lastIat: number;
  /** Set by a revocation or a rekey: at which index, and the last `seq` that may still come. */
  revoked: { readonly at: number; readonly last: number } | undefined;
}

/** Keys by kid and live keys by name. Owned by one `LogState`. */
export class Registry {
  private readonly keys = new Map<string, KeyState>();
  private readonly live = new Map<string, KeyState>();

  /** The key of this kid, live or not. */
  key(kid: string): KeyState | undefined {
    return this.keys.get(kid);
  }

  /** The live key of a name. */
  liveKey(name: string): KeyState | undefined {
    return this.live.get(name);
  }

  /** All keys, in the order of their enrolment. */
  all(): Iterable<KeyState> {
    return this.keys.values();
  }

  /** How many keys were ever enrolled. */
  get size(): number {
    return this.keys.size;
  }

  /** Enters a key. Throws if its kid is known or its name has a live key: admission has checked both. */
  add(key: KeyState): void {
    if (this.keys.has(key.kid)) throw new Error(`key ${key.kid} is enrolled already`);
    if (key.revoked === undefined) {
      if (this.live.has(key.name)) throw new Error(`${key.name} has a live key already`);
      this.live.set(key.name, key);
    }
    this.keys.set(key.kid, key);
  }

  /** Ends a key's life: its name is free from here on, its statements up to `last` may still come. */
  revoke(key: KeyState, at: number, last: number): void {
    key.revoked = { at, last };
    if (this.live.get(key.name) === key) this.live.delete(key.name);
  }
}

/** Makes the state of a key that has said nothing yet. `entry` is what enrolled it. */
export function freshKey(
  identity: { publicKey: Uint8Array; name: string; role: Role; device?: DeviceProfile | undefined },
  entry: { index: number; hash: Hash },
): KeyState {
  return {
    kid: kidHex(identity.publicKey),
    publicKey: identity.publicKey.slice(),
    name: identity.name,
    role: identity.role,
    device: identity.device,
    enrolledAt: entry.index,
    lastSeq: -1,
    lastHash: entry.hash,
    lastIat: 0,
    revoked: undefined,
  };
}

/** Takes the profile out of an enrolment; `undefined` for owners and registrars. */
export function profileOf(enrol: Enrol): DeviceProfile | undefined {
  if (enrol.role !== "device") return undefined;
  const isPublic = enrol.visibility === "public";
  return {
    streams: enrol.streams,
    visibility: enrol.visibility,
    everySeconds: enrol.everySeconds,
    owner: enrol.owner,
    lat: isPublic ? enrol.lat : undefined,
    lon: isPublic ? enrol.lon : undefined,
    model: isPublic ? enrol.model : undefined,
    private: isPublic ? undefined : enrol.private,
  };
}
