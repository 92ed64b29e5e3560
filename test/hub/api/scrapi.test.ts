/** Statements by HTTP, as registrars and owners send them, and what SCRAPI answers. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeBase64Url, encodeHex } from "../../../ledger/bytes.ts";
import { decodeCbor, encodeCbor } from "../../../ledger/cbor.ts";
import type { CborMap } from "../../../ledger/cbor.ts";
import { Fault } from "../../../ledger/fault.ts";
import { kidOf } from "../../../ledger/key.ts";
import { encodeEnrol } from "../../../ledger/kinds/enrol.ts";
import { encodeGrant } from "../../../ledger/kinds/grant.ts";
import { provePossession } from "../../../ledger/kinds/possession.ts";
import { PAIR_BYTES_MAX } from "../../../ledger/limits.ts";
import { parseVkey } from "../../../ledger/note.ts";
import { encodePreimage, encodePrivateProfile, hashPreimage } from "../../../ledger/preimage.ts";
import { decodeReceipt, verifyReceipt } from "../../../ledger/receipt.ts";
import { nobleVerify } from "../../../ledger/signature.ts";
import type { Hash } from "../../../ledger/sha256.ts";
import { signStatement } from "../../../ledger/statement.ts";
import type { Draft, Statement } from "../../../ledger/statement.ts";
import { Scope } from "../../support/scope.ts";
import { ApiHub, Measuring, registrar } from "../support/api-hub.ts";
import type { HttpAnswer } from "../support/api-hub.ts";
import { ORIGIN, testDevice } from "../support/devices.ts";

const COSE = "application/cose";
const scope = new Scope();
afterAll(() => scope.end());

let hub: ApiHub;
let last: { seq: number; hash: Hash };

beforeAll(async () => {
  hub = await ApiHub.start(scope, { hasRegistrar: true });
  const key = hub.log.state.registry.liveKey("council")!;
  last = { seq: -1, hash: key.lastHash };
});

const nowSeconds = (): number => Math.floor(Date.now() / 1000);

/** Signs something as the registrar. */
function say(draft: Pick<Draft, "kind" | "payload">): Statement {
  const chain = { issuer: "council", seq: last.seq + 1, prev: last.hash };
  const whole = { ...draft, stream: "registry", iat: nowSeconds() };
  return signStatement(chain, whole, registrar);
}

async function send(statement: Statement): Promise<HttpAnswer> {
  const answer = await hub.post("/entries", statement.bytes, COSE);
  if (answer.status < 400 && statement.issuer === "council") {
    last = { seq: statement.seq, hash: statement.hash };
  }
  return answer;
}

function enrolment(name: string): Draft["payload"] {
  const { signer } = testDevice(name);
  return encodeEnrol({
    name,
    role: "device",
    key: signer.publicKey,
    pop: provePossession(ORIGIN, name, "device", signer),
    streams: ["main"],
    visibility: "public",
    everySeconds: 60,
    owner: "tenant",
    lat: 51.5,
    lon: -3,
  });
}

function problem(answer: HttpAnswer): [status: number, title: unknown] {
  expect(answer.headers["content-type"]).toBe("application/concise-problem-details+cbor");
  const map = decodeCbor(answer.body) as CborMap;
  expect(typeof map.get(-2)).toBe("string");
  return [answer.status, map.get(-1)];
}

describe("a statement by HTTP", () => {
  test("is pending until its block is sealed, then has a receipt that holds", async () => {
    const statement = say({ kind: "enrol", payload: enrolment("air-1") });
    const pending = await send(statement);
    const place = `/entries/${encodeHex(statement.hash)}`;
    expect([pending.status, pending.headers.location]).toEqual([303, place]);
    expect(Number(pending.headers["retry-after"])).toBeGreaterThan(0);
    const waiting = await hub.get(place);
    expect([waiting.status, waiting.headers.location]).toEqual([302, place]);
    expect(Number(waiting.headers["retry-after"])).toBeGreaterThan(0);
    await hub.seal();
    const done = await hub.get(place);
    expect([done.status, done.headers["content-type"]]).toEqual([200, COSE]);
    const receipt = decodeReceipt(done.body);
    const vkey = parseVkey((await hub.json<{ vkey: string }>("/log")).vkey);
    if (receipt instanceof Fault || vkey instanceof Fault) throw new Error("unreadable");
    expect(verifyReceipt(statement.bytes, receipt, [vkey], nobleVerify)).toMatchObject({
      index: 2,
    });
    const again = await send(statement);
    expect([again.status, again.headers.location]).toEqual([201, place]);
    expect(again.body).toEqual(done.body);
  });

  test("may be an owner's, and a device's", async () => {
    const { signer } = testDevice("tenant");
    const pop = provePossession(ORIGIN, "tenant", "owner", signer);
    const payload = encodeEnrol({ name: "tenant", role: "owner", key: signer.publicKey, pop });
    const enrolled = say({ kind: "enrol", payload });
    expect((await send(enrolled)).status).toBe(303);
    const grant = encodeGrant({ stream: "air-1/main", to: "university", fromMs: 0 });
    const chain = { issuer: "tenant", seq: 0, prev: enrolled.hash };
    const draft = { kind: "grant", stream: "rights", iat: nowSeconds(), payload: grant } as const;
    expect((await send(signStatement(chain, draft, signer))).status).toBe(303);
    const { lastHash } = hub.log.state.registry.liveKey("air-1")!;
    const air = new Measuring(hub, "air-1", lastHash);
    const reading = { quantity: "temp", value: 1, time: nowSeconds() };
    expect((await send(air.sign([reading]))).status).toBe(303);
  });

  test("may bring the preimage of what it hides", async () => {
    const { signer } = testDevice("cam-1");
    const preimage = encodePreimage(
      new Uint8Array(16).fill(1),
      encodePrivateProfile({ lat: 51.5, lon: -3 }),
    );
    const payload = encodeEnrol({
      name: "cam-1",
      role: "device",
      key: signer.publicKey,
      pop: provePossession(ORIGIN, "cam-1", "device", signer),
      streams: ["main"],
      visibility: "restricted",
      everySeconds: 60,
      private: hashPreimage(preimage),
    });
    const statement = say({ kind: "enrol", payload });
    const wrong = encodeCbor([statement.bytes, encodePreimage(new Uint8Array(16), preimage)]);
    expect(problem(await hub.post("/entries", wrong, "application/cbor"))).toEqual([
      400,
      "bad-preimage",
    ]);
    const pair = encodeCbor([statement.bytes, preimage]);
    expect((await hub.post("/entries", pair, "application/cbor")).status).toBe(303);
    last = { seq: statement.seq, hash: statement.hash };
    const index = hub.log.findByHash(statement.hash)!;
    expect(await hub.log.body(index)).toEqual(preimage);
  });
});

describe("a refusal", () => {
  test("says its code, with the status of its kind", async () => {
    const statement = say({ kind: "enrol", payload: enrolment("air-1") });
    expect(problem(await send(statement))).toEqual([409, "taken"]);
    const stale = signStatement(
      { issuer: "council", seq: last.seq + 5, prev: last.hash },
      { kind: "enrol", stream: "registry", iat: nowSeconds(), payload: enrolment("air-2") },
      registrar,
    );
    expect(problem(await send(stale))).toEqual([409, "broken-chain"]);
    const stranger = signStatement(
      { issuer: "council", seq: 0, prev: last.hash },
      { kind: "enrol", stream: "registry", iat: nowSeconds(), payload: enrolment("air-2") },
      testDevice("stranger").signer,
    );
    expect(problem(await send(stranger))).toEqual([403, "unknown-key"]);
    expect(problem(await hub.post("/entries", Uint8Array.of(1, 2), COSE))).toEqual([
      400,
      "malformed",
    ]);
    expect(problem(await hub.post("/entries", new Uint8Array(0), COSE))).toEqual([
      400,
      "malformed",
    ]);
    const big = new Uint8Array(65_536);
    expect(problem(await hub.post("/entries", big, COSE))).toEqual([413, "too-large"]);
    const huge = new Uint8Array(PAIR_BYTES_MAX + 1);
    expect(problem(await hub.post("/entries", huge, "application/cbor"))).toEqual([
      413,
      "too-large",
    ]);
    expect(problem(await hub.post("/entries", statement.bytes, "text/plain"))).toEqual([
      415,
      "unsupported",
    ]);
    const { text } = await hub.get("/metrics");
    expect(text).toMatch(/^kerbstone_hub_refusals_total\{code="taken"\} 1$/m);
    const { items } = await hub.json<{ items: { code: string }[] }>("/quarantine");
    expect(items.map(({ code }) => code)).toContain("unknown-key");
  });

  test("of an entry that is not there, or no hash, is a 404", async () => {
    expect(problem(await hub.get(`/entries/${"0".repeat(64)}`))).toEqual([404, "not-found"]);
    expect(problem(await hub.get("/entries/xyz"))).toEqual([404, "not-found"]);
  });
});

describe("the log's keys", () => {
  test("are a COSE key set, and each by its kid", async () => {
    const set = await hub.get("/.well-known/scitt-keys");
    expect(set.headers["content-type"]).toBe("application/cose-key-set");
    const [key] = decodeCbor(set.body) as CborMap[];
    const { publicKey } = hub.log.state.hub!;
    expect(key?.get(-2)).toEqual(publicKey);
    const kid = encodeBase64Url(kidOf(publicKey));
    const one = await hub.get(`/.well-known/scitt-keys/${kid}`);
    expect(one.headers["content-type"]).toBe("application/cose-key");
    expect(decodeCbor(one.body)).toEqual(key);
    expect((await hub.get("/.well-known/scitt-keys/AAAAAAAAAAA")).status).toBe(404);
  });
});

describe("cosignatures", () => {
  test("are taken from the policy's signers, and from nobody else", async () => {
    await hub.seal();
    expect((await hub.cosign("gwent")).status).toBe(200);
    expect((await hub.cosign("stranger")).status).toBe(403);
    expect((await hub.post("/cosignatures", Uint8Array.of(0xff), "text/plain")).status).toBe(400);
    const own = new Scope();
    const alone = await ApiHub.start(own, { hasPolicy: false });
    expect((await alone.cosign("gwent")).status).toBe(403);
    expect((await alone.get("/checkpoint")).status).toBe(200);
    expect(await alone.json("/peers")).toMatchObject({ quorum: null, peers: [] });
    await own.end();
  });
});
