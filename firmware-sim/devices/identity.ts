/**
 * Who a simulated device is: name, key and place, all made of a seed.
 *
 * The same seed makes the same keys, so that a run can be repeated on a hub that has enrolled them. Whoever knows or
 * guesses the seed has the keys too: they are for tests alone.
 */
import { encodeUtf8 } from "../../ledger/bytes.ts";
import { kidHex } from "../../ledger/key.ts";
import { sha256 } from "../../ledger/sha256.ts";
import type { Position } from "../../ledger/senml.ts";
import type { Signer } from "../../ledger/signature.ts";
import { formatEnrolmentRequest } from "../../platform/enrolment-request.ts";
import { seededRandom } from "../../platform/random.ts";
import { seedSigner } from "../../platform/seed-signer.ts";

/** A device's name, key and place. */
export interface Identity {
  readonly name: string;
  readonly signer: Signer;
  /** 16 hex digits. */
  readonly kid: string;
  readonly place: Position;
}

/** The stream of all simulated devices. */
export const STREAM = "air";

/** Where they stand: around the middle of Newport, some kilometres in each direction. */
const MIDDLE: Position = { lat: 51.584, lon: -2.997 };
const SPREAD_DEGREES = 0.06;

/** Makes the device of this name. `Identity`s of different seeds have different keys, whatever their names. */
export function makeIdentity(seed: number | string, name: string): Identity {
  const signer = seedSigner(keySeed(seed, name));
  const random = seededRandom(`${seed}/${name}/place`);
  const place = {
    lat: besides(MIDDLE.lat, random.unit()),
    lon: besides(MIDDLE.lon, random.unit()),
  };
  return { name, signer, kid: kidHex(signer.publicKey), place };
}

/** Makes another key for this name, one that nobody has enrolled: an impostor's. */
export function makeStolenName(seed: number | string, name: string): Identity {
  const signer = seedSigner(keySeed(`${seed}/impostor`, name));
  return { ...makeIdentity(seed, name), signer, kid: kidHex(signer.publicKey) };
}

/** The name of the device `index` (from 1) of a group. It does not depend on how many there are. */
export function nameOf(prefix: string, index: number): string {
  return `${prefix}-${String(index).padStart(5, "0")}`;
}

/** What the operator enrols a device by: one word. */
export function claimOf(identity: Identity, origin: string, everySeconds: number): string {
  const { name, signer, place } = identity;
  const model = "simulated";
  const rest = { streams: [STREAM], visibility: "public", everySeconds, ...place, model } as const;
  return formatEnrolmentRequest({ origin, name, ...rest }, signer);
}

function keySeed(seed: number | string, name: string): Uint8Array {
  return sha256(encodeUtf8(`kerbstone simulated device\n${seed}\n${name}\n`));
}

function besides(middle: number, unit: number): number {
  return Math.round((middle + (unit - 0.5) * 2 * SPREAD_DEGREES) * 1e5) / 1e5;
}
