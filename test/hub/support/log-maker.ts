/** Entries for tests: a genesis, enrolments, and statements of devices, all signed for real. */

import { encodeEnrol } from "../../../ledger/kinds/enrol.ts";
import { encodeGap } from "../../../ledger/kinds/gap.ts";
import { encodeGenesis } from "../../../ledger/kinds/genesis.ts";
import { provePossession } from "../../../ledger/kinds/possession.ts";
import { encodePack } from "../../../ledger/senml.ts";
import { ZERO_HASH } from "../../../ledger/sha256.ts";
import type { Hash } from "../../../ledger/sha256.ts";
import type { Signer } from "../../../ledger/signature.ts";
import { signStatement } from "../../../ledger/statement.ts";
import type { Statement } from "../../../ledger/statement.ts";
import { ORIGIN } from "./devices.ts";
import type { TestDevice } from "./devices.ts";

/** Signs entry 0. */
export function genesis(hub: Signer, nowMs: number): Statement {
  const payload = encodeGenesis({
    v: 1,
    origin: ORIGIN,
    createdMs: nowMs,
    hub: hub.publicKey,
    registrars: [],
    blockSeconds: 300,
  });
  const chain = { issuer: "hub", seq: 0, prev: ZERO_HASH };
  return signStatement(
    chain,
    { kind: "genesis", stream: "log", iat: secondsOf(nowMs), payload },
    hub,
  );
}

/** The payload that enrols a public device with one stream, `main`. */
export function enrolment(device: TestDevice): Uint8Array {
  return encodeEnrol({
    name: device.name,
    role: "device",
    key: device.signer.publicKey,
    pop: provePossession(ORIGIN, device.name, "device", device.signer),
    streams: ["main"],
    visibility: "public",
    everySeconds: 60,
    lat: 51.59,
    lon: -2.99,
  });
}

/** A device's chain: signs one statement after the other. */
export class TestChain {
  readonly device: TestDevice;
  seq = 0;
  prev: Hash;

  /** `enrolled` is the hash of the entry that enrolled the key. */
  constructor(device: TestDevice, enrolled: Hash) {
    this.device = device;
    this.prev = enrolled;
  }

  /** Signs a pack with one temperature. */
  readings(
    value: number,
    nowMs: number,
    changes: { issuer?: string; stream?: string } = {},
  ): Statement {
    const { issuer = this.device.name, stream = "main" } = changes;
    const iat = secondsOf(nowMs);
    const payload = encodePack(
      issuer,
      { lat: 51.59, lon: -2.99 },
      [{ quantity: "temp", unit: "Cel", value, time: iat }],
      iat,
    );
    return this.#sign({ kind: "readings", stream, iat, payload }, issuer);
  }

  /** Signs a gap that leaves out `count` numbers from the next one on. */
  gap(count: number, nowMs: number): Statement {
    const from = this.seq;
    this.seq += count;
    const payload = encodeGap({ from, to: this.seq - 1, reason: "refused" });
    return this.#sign({ kind: "gap", stream: "main", iat: secondsOf(nowMs), payload });
  }

  #sign(draft: Parameters<typeof signStatement>[1], issuer: string = this.device.name): Statement {
    const chain = { issuer, seq: this.seq, prev: this.prev };
    const statement = signStatement(chain, draft, this.device.signer);
    this.seq += 1;
    this.prev = statement.hash;
    return statement;
  }
}

export function secondsOf(ms: number): number {
  return Math.floor(ms / 1000);
}
