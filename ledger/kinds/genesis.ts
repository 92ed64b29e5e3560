/** Entry 0: the log's name, the hub's first key, and who may enrol others (docs/formats.md, section 4). */

import { encodeCbor } from "../cbor.ts";
import { malformed, Refusal } from "../errors.ts";
import { encodeCoseKey } from "../key.ts";
import { REGISTRARS_MAX } from "../limits.ts";
import { isOrigin } from "../name.ts";
import { decodeFields, fieldMap, Fields } from "./payload.ts";

/** A registrar that genesis names. */
export interface GenesisRegistrar {
  readonly name: string;
  readonly key: Uint8Array;
  readonly pop: Uint8Array;
}

export interface Genesis {
  readonly v: number;
  readonly origin: string;
  readonly createdMs: number;
  /** The hub's public key, 32 bytes. */
  readonly hub: Uint8Array;
  readonly registrars: readonly GenesisRegistrar[];
  readonly blockSeconds: number;
}

/** Encodes the payload. */
export function encodeGenesis(genesis: Genesis): Uint8Array {
  const registrars = genesis.registrars.map((registrar) =>
    fieldMap({ ...registrar, key: encodeCoseKey(registrar.key) }),
  );
  return encodeCbor(fieldMap({ ...genesis, hub: encodeCoseKey(genesis.hub), registrars }));
}

/** Decodes the payload and checks its shape; `malformed` otherwise. */
export function decodeGenesis(payload: Uint8Array): Genesis | Refusal {
  const genesis = decodeFields("genesis", payload, (fields) => ({
    v: fields.integer("v"),
    origin: fields.text("origin"),
    createdMs: fields.integer("createdMs"),
    hub: fields.publicKey("hub"),
    registrars: readRegistrars(fields),
    blockSeconds: fields.integer("blockSeconds", 1),
  }));
  if (genesis instanceof Refusal) return genesis;
  if (genesis.v !== 1) return malformed("genesis: v must be 1");
  if (!isOrigin(genesis.origin)) return malformed("genesis: origin must be a URL without scheme");
  return genesis;
}

function readRegistrars(fields: Fields): GenesisRegistrar[] {
  return fields.maps("registrars", REGISTRARS_MAX).map((map) => {
    const inner = new Fields(map);
    const registrar = {
      name: inner.name("name"),
      key: inner.publicKey("key"),
      pop: inner.signature("pop"),
    };
    fields.fault ??= inner.refusal("a registrar")?.text;
    return registrar;
  });
}
