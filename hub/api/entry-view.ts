/** An entry as JSON, for people and pages. Whoever wants proof takes its bytes. */

import { encodeBase64, encodeHex } from "../../ledger/bytes.ts";
import { decodeCbor } from "../../ledger/cbor.ts";
import type { CborValue } from "../../ledger/cbor.ts";
import { Refusal } from "../../ledger/errors.ts";
import { decodePack } from "../../ledger/senml.ts";
import { decodeStatement } from "../../ledger/statement.ts";
import type { Statement } from "../../ledger/statement.ts";
import type { HubLog } from "../log.ts";
import { levelOf } from "../level.ts";
import type { EntryView } from "./schemas.ts";

/** Shows an entry of the log. */
export function entryView(
  index: number,
  bytes: Uint8Array,
  log: Pick<HubLog, "sealedSize" | "heightOf">,
  cosignedSize: number | undefined,
): EntryView {
  const statement = decodeStatement(bytes);
  if (statement instanceof Refusal) throw new Error(`entry ${index} of the log is no statement`);
  const { hash, kind, issuer, stream, seq, iat, kid } = statement;
  return {
    index,
    hash: encodeHex(hash),
    kind,
    issuer,
    stream,
    seq,
    iat,
    kid,
    bytes: encodeBase64(bytes),
    height: log.heightOf(index) ?? null,
    level: levelOf(index, log, cosignedSize),
    payload: payloadView(statement),
  };
}

function payloadView(statement: Statement): unknown {
  const { kind, payload, issuer, iat } = statement;
  if (kind === "salted") return { hash: encodeHex(payload) };
  if (kind === "readings") {
    const pack = decodePack(payload, issuer, iat);
    if (pack instanceof Refusal) return null;
    const readings = pack.readings.map(({ quantity, unit, value, time }) => ({
      quantity,
      unit: unit ?? null,
      value,
      timeMs: Math.round(time * 1000),
    }));
    return { lat: pack.lat, lon: pack.lon, readings };
  }
  const value = decodeCbor(payload);
  return value instanceof Refusal ? null : jsonOf(value);
}

/** CBOR as JSON: bytes as hex, maps as objects. */
function jsonOf(value: CborValue): unknown {
  if (value instanceof Uint8Array) return encodeHex(value);
  if (value instanceof Map) {
    return Object.fromEntries([...value].map(([key, each]) => [String(key), jsonOf(each)]));
  }
  return Array.isArray(value) ? (value as CborValue[]).map(jsonOf) : value;
}
