/**
 * Reading the payload of a statement field by field (docs/formats.md, section 4).
 *
 * A payload is a map with exactly the keys of its kind. `Fields` remembers the first thing that is wrong, so that a
 * decoder reads as the list of its fields and asks once, at the end.
 */

import { decodeCbor, isCborMap } from "../cbor.ts";
import type { CborKey, CborMap, CborValue } from "../cbor.ts";
import { malformed, Refusal } from "../errors.ts";
import { decodeCoseKey } from "../key.ts";
import { fitsFreeText, isName, splitStream } from "../name.ts";
import { asHash, HASH_BYTES } from "../sha256.ts";
import type { Hash } from "../sha256.ts";
import { SIGNATURE_BYTES } from "../signature.ts";
import { REASONS } from "./reason.ts";
import type { Reason } from "./reason.ts";

/** The fields of one map. Getters of absent or mistyped fields give a stand-in and remember the fault. */
export class Fields {
  fault: string | undefined;
  private readonly map: CborMap;
  private seen = 0;

  constructor(map: CborMap) {
    this.map = map;
  }

  /** Gives the refusal for the first fault, or for a key that nobody asked for. */
  refusal(kind: string): Refusal | undefined {
    if (this.fault !== undefined) return malformed(`${kind}: ${this.fault}`);
    return this.seen === this.map.size
      ? undefined
      : malformed(`${kind}: a field that it does not have`);
  }

  /** An integer from `min` to 2^53-1. */
  integer(name: string, min = 0): number {
    const value = this.get(name);
    return Number.isSafeInteger(value) && (value as number) >= min
      ? (value as number)
      : this.wrong(name, `an integer from ${min}`, 0);
  }

  optionalInteger(name: string): number | undefined {
    return this.map.has(name) ? this.integer(name) : undefined;
  }

  /** A number from -`bound` to `bound`. */
  number(name: string, bound: number): number {
    const value = this.get(name);
    return typeof value === "number" && Math.abs(value) <= bound
      ? value
      : this.wrong(name, `a number from -${bound} to ${bound}`, 0);
  }

  /** Free text of at most 256 bytes. */
  text(name: string): string {
    const value = this.get(name);
    return typeof value === "string" && fitsFreeText(value)
      ? value
      : this.wrong(name, "a text of at most 256 bytes", "");
  }

  optionalText(name: string): string | undefined {
    return this.map.has(name) ? this.text(name) : undefined;
  }

  name(name: string): string {
    const value = this.get(name);
    return isName(value) ? value : this.wrong(name, "a name", "");
  }

  optionalName(name: string): string | undefined {
    return this.map.has(name) ? this.name(name) : undefined;
  }

  /** `device/stream`, two names. */
  deviceStream(name: string): string {
    const value = this.get(name);
    return typeof value === "string" && splitStream(value) !== undefined
      ? value
      : this.wrong(name, "device/stream", "");
  }

  names(name: string, max: number): readonly string[] {
    const value = this.get(name);
    const isList = Array.isArray(value) && value.length >= 1 && value.length <= max;
    return isList && value.every(isName)
      ? value
      : this.wrong(name, `an array of 1 to ${max} names`, []);
  }

  oneOf<T extends string>(name: string, choices: readonly T[]): T {
    const value = this.get(name);
    const choice = choices.find((each) => each === value);
    return choice ?? this.wrong(name, `one of ${choices.join(", ")}`, choices[0]!);
  }

  reason(): Reason {
    return this.oneOf("reason", REASONS);
  }

  hash(name: string): Hash {
    return asHash(this.bytes(name, HASH_BYTES));
  }

  signature(name: string): Uint8Array {
    return this.bytes(name, SIGNATURE_BYTES);
  }

  bytes(name: string, length: number): Uint8Array {
    const value = this.get(name);
    return value instanceof Uint8Array && value.length === length
      ? value
      : this.wrong(name, `${length} bytes`, new Uint8Array(length));
  }

  /** A COSE_Key with an Ed25519 public key: its 32 bytes. */
  publicKey(name: string): Uint8Array {
    const key = decodeCoseKey(this.get(name));
    return key ?? this.wrong(name, "a COSE_Key of Ed25519", new Uint8Array(32));
  }

  maps(name: string, max: number): readonly CborMap[] {
    const value = this.get(name);
    return Array.isArray(value) && value.length <= max && value.every(isCborMap)
      ? value
      : this.wrong(name, `an array of at most ${max} maps`, []);
  }

  private get(name: string): CborValue | undefined {
    if (this.map.has(name)) this.seen++;
    return this.map.get(name);
  }

  private wrong<T>(name: string, expected: string, standIn: T): T {
    this.fault ??= `${name} must be ${expected}`;
    return standIn;
  }
}

/** Decodes a payload that is one map, reads it with `read`, and refuses it at the first fault. */
export function decodeFields<T>(
  kind: string,
  payload: Uint8Array,
  read: (fields: Fields) => T,
): T | Refusal {
  const map = decodeCbor(payload);
  if (map instanceof Refusal) return malformed(`${kind}: ${map.text}`);
  if (!isCborMap(map)) return malformed(`${kind}: the payload is no map`);
  const fields = new Fields(map);
  const value = read(fields);
  return fields.refusal(kind) ?? value;
}

/** Builds a payload map out of an object, leaving absent fields out. */
export function fieldMap(fields: Readonly<Record<string, CborValue | undefined>>): CborMap {
  const map = new Map<CborKey, CborValue>();
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) map.set(name, value);
  return map;
}
