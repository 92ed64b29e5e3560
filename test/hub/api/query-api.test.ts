/** Every route of the query API, held against the document that describes it; proofs are checked as a stranger would. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decodeBase64, encodeHex } from "../../../ledger/bytes.ts";
import { verifyEvidence } from "../../../ledger/evidence.ts";
import { parseEvidence } from "../../../ledger/evidence-file.ts";
import { Fault } from "../../../ledger/fault.ts";
import { parseVkey } from "../../../ledger/note.ts";
import { parsePolicy, trustVkey } from "../../../ledger/policy.ts";
import type { Policy } from "../../../ledger/policy.ts";
import { parseProof, verifyProof } from "../../../ledger/proof.ts";
import { decodeReceipt, verifyReceipt } from "../../../ledger/receipt.ts";
import { sha256 } from "../../../ledger/sha256.ts";
import { nobleVerify } from "../../../ledger/signature.ts";
import { Scope } from "../../support/scope.ts";
import { ApiDocument } from "../support/api-document.ts";
import { ApiHub } from "../support/api-hub.ts";
import type { HttpAnswer, Measuring } from "../support/api-hub.ts";

const scope = new Scope();
afterAll(() => scope.end());

const base = Math.floor(Date.now() / 1000) - 1000;

/** Members that the tests look into; which of them an answer has, the document says. */
interface Answer {
  readonly vkey: string;
  readonly origin: string;
  readonly bytes: string;
  readonly next: number | null;
  readonly blocks: readonly object[];
  readonly devices: readonly object[];
  readonly latest: readonly { readonly quantity: string }[];
  readonly entries: readonly { readonly index: number }[];
  readonly points: readonly unknown[];
}

let hub: ApiHub;
let document: ApiDocument;
let air: Measuring;
/** Indexes of entries that are cosigned, sealed and stored. */
let cosigned: number;
let sealed: number;
let stored: number;

beforeAll(async () => {
  hub = await ApiHub.start(scope, { mqttPort: 1883 });
  document = await ApiDocument.of(hub);
  air = await hub.enrol("air-1");
  await hub.enrol("noise-1");
  const pm25 = (value: number, after: number) => ({
    quantity: "pm25",
    unit: "ug/m3",
    value,
    time: base + after,
  });
  cosigned = await air.say([pm25(1, 1), pm25(2, 2), { quantity: "door", value: true, time: base }]);
  await hub.seal("gwent", "usk");
  sealed = await air.say([pm25(999.9, 5), { quantity: "pm25-fault", value: true, time: base + 5 }]);
  await hub.seal("usk");
  stored = await air.say([pm25(3, 3)]);
  hub.hub.presence.note("air-1", true);
  hub.hub.quarantine.put({
    receivedMs: Date.now(),
    device: "air-1",
    kid: undefined,
    seq: undefined,
    hash: new Uint8Array(32).fill(7),
    code: "malformed",
    text: "not a statement",
    bytes: Uint8Array.of(1, 2, 3),
  });
  await hub.hub.quarantine.durable();
  await hub.settled();
});

function ask(
  template: string,
  query = "",
  values: Record<string, unknown> = {},
): Promise<HttpAnswer> {
  return document.ask(hub, `/api/v1${template}`, query, values);
}

async function json(
  template: string,
  query = "",
  values: Record<string, unknown> = {},
): Promise<Answer> {
  const answer = await ask(template, query, values);
  expect(answer.status).toBe(200);
  return JSON.parse(answer.text) as Answer;
}

describe("the document", () => {
  test("describes every path that is served, with its parameters", () => {
    const paths = Object.keys(document.paths);
    expect(paths).toHaveLength(17);
    for (const [path, { get }] of Object.entries(document.paths)) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const described = (get.parameters ?? []).filter((each) => each.in === "path");
      expect(described.map(({ name }) => name)).toEqual(named);
      expect(described.every(({ required }) => required)).toBe(true);
    }
    const series = document.paths["/api/v1/series"]!.get.parameters ?? [];
    const required = series.filter((each) => each.required).map(({ name }) => name);
    expect(required).toEqual(["device", "quantity"]);
  });

  test("refuses what is not as described, or these tests would show nothing", async () => {
    const log = await json("/log");
    expect(document.fits("Log", log)).toBe(true);
    expect(document.fits("Log", { ...log, height: "1" })).toBe(false);
    expect(document.fits("Log", { ...log, more: 1 })).toBe(false);
    const { origin: _origin, ...less } = log;
    expect(document.fits("Log", less)).toBe(false);
  });
});

describe("the log", () => {
  test("as a whole", async () => {
    expect(await json("/log")).toMatchObject({
      origin: hub.log.state.origin,
      size: 9,
      sealedSize: 8,
      cosignedSize: 6,
      open: 1,
      height: 2,
      devices: 2,
      mqttPort: 1883,
      blockSeconds: 3600,
    });
  });

  test("its blocks, newest first, in parts", async () => {
    const first = await json("/blocks", "?limit=2");
    expect(first).toMatchObject({ blocks: [{ height: 2 }, { height: 1 }], next: 1 });
    expect(first.blocks).toMatchObject([
      { cosignedBy: ["usk"] },
      { cosignedBy: ["gwent", "usk"], index: 5, count: 3, first: 2, size: 5 },
    ]);
    const second = await json("/blocks", `?limit=2&before=${String(first.next)}`);
    expect(second).toMatchObject({ blocks: [{ height: 0 }], next: null });
    expect(await json("/blocks/{height}", "", { height: 1 })).toEqual(first.blocks[1]);
    expect((await ask("/blocks/{height}", "", { height: 9 })).status).toBe(404);
  });

  test("its peers", async () => {
    expect(await json("/peers")).toMatchObject({
      quorum: { needed: 2, rule: "group both 2 gwent cardiff usk" },
      peers: [
        { name: "gwent", size: 6, height: 1 },
        { name: "cardiff", size: null, height: null, timeSeconds: null },
        { name: "usk", size: 8, height: 2 },
      ],
      forks: [],
    });
  });

  test("what was refused", async () => {
    expect(await json("/quarantine")).toMatchObject({
      items: [{ device: "air-1", code: "malformed", kid: null, seq: null }],
      total: 1,
    });
  });
});

describe("devices", () => {
  test("with their newest values, how far these are, and faults", async () => {
    const { devices } = await json("/devices");
    expect(devices).toMatchObject([
      { name: "air-1", online: true, lastSeq: 2, revoked: false, visibility: "public", lat: 51.59 },
      { name: "noise-1", online: null, lastSeq: -1, lastIat: null, latest: [] },
    ]);
    const device = await json("/devices/{name}", "", { name: "air-1" });
    expect(device).toEqual(devices[0]);
    const { latest } = device;
    expect(latest.find(({ quantity }) => quantity === "pm25")).toEqual({
      stream: "main",
      quantity: "pm25",
      unit: "ug/m3",
      value: 999.9,
      timeMs: (base + 5) * 1000,
      fault: true,
      entry: sealed,
      level: "sealed",
    });
    expect(latest.find(({ quantity }) => quantity === "door")).toMatchObject({
      unit: null,
      value: true,
      entry: cosigned,
      level: "cosigned",
    });
    expect((await ask("/devices/{name}", "", { name: "nobody" })).status).toBe(404);
    expect((await ask("/devices/{name}", "", { name: "No%20body" })).status).toBe(400);
  });

  test("the newest value of everything", async () => {
    const { latest } = await json("/latest");
    expect(latest).toHaveLength(2);
    expect(latest).toMatchObject([{ device: "air-1" }, { device: "air-1" }]);
  });

  test("a series, by time, in parts", async () => {
    const ms = (after: number): number => (base + after) * 1000;
    const all = await json("/series", "?device=air-1&quantity=pm25");
    expect(all).toMatchObject({
      stream: "main",
      unit: "ug/m3",
      points: [
        [ms(1), 1, cosigned],
        [ms(2), 2, cosigned],
        [ms(3), 3, stored],
        [ms(5), 999.9, sealed],
      ],
      faults: [3],
      next: null,
    });
    const some = await json("/series", "?device=air-1&quantity=pm25&stream=main&limit=2");
    expect(some.points).toHaveLength(2);
    const rest = await json(
      "/series",
      `?device=air-1&quantity=pm25&fromMs=${String(some.next)}&toMs=${ms(5)}`,
    );
    expect(rest).toMatchObject({ points: [[ms(3), 3, stored]], next: null, faults: [] });
    expect(await json("/series", "?device=air-1&quantity=laeq")).toMatchObject({
      stream: null,
      points: [],
    });
    expect((await ask("/series", "?device=nobody&quantity=pm25")).status).toBe(404);
  });
});

describe("entries", () => {
  test("with their bytes and what these say", async () => {
    const entry = await json("/entries/{index}", "", { index: sealed });
    const bytes = (await hub.log.entry(sealed))!;
    expect(entry).toMatchObject({
      index: sealed,
      hash: encodeHex(sha256(bytes)),
      kind: "readings",
      issuer: "air-1",
      seq: 1,
      height: 2,
      level: "sealed",
      payload: { lat: 51.59, readings: [{ quantity: "pm25", value: 999.9 }, { value: true }] },
    });
    expect(decodeBase64(entry.bytes)).toEqual(bytes);
    expect(await json("/entries/{index}", "", { index: stored })).toMatchObject({
      height: null,
      level: "stored",
    });
    expect(await json("/entries/{index}", "", { index: 0 })).toMatchObject({
      kind: "genesis",
      payload: { origin: hub.log.state.origin, blockSeconds: 3600, registrars: [] },
    });
    expect((await ask("/entries/{index}", "", { index: 9 })).status).toBe(404);
  });

  test("in parts, of all and of one device", async () => {
    const indexes = ({ entries }: Answer): number[] => entries.map(({ index }) => index);
    const first = await json("/entries", "?limit=4");
    expect([indexes(first), first.next]).toEqual([[0, 1, 2, 3], 3]);
    const rest = await json("/entries", "?after=3&limit=50");
    expect([indexes(rest), rest.next]).toEqual([[4, 5, 6, 7, 8], null]);
    const own = await json("/entries", "?device=air-1&limit=2");
    expect([indexes(own), own.next]).toEqual([[cosigned, sealed], sealed]);
    expect(indexes(await json("/entries", `?device=air-1&after=${sealed}`))).toEqual([stored]);
    expect(indexes(await json("/entries", "?after=100"))).toEqual([]);
  });

  test.each(["proof", "receipt", "evidence"])(
    "that are not sealed have no %s yet",
    async (what) => {
      const answer = await ask(`/entries/{index}/${what}`, "", { index: stored });
      expect(answer.status).toBe(409);
      expect(JSON.parse(answer.text)).toMatchObject({ code: "not-sealed", status: 409 });
      expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0);
      expect((await ask(`/entries/{index}/${what}`, "", { index: 99 })).status).toBe(404);
    },
  );
});

describe("proofs", () => {
  const quorum = (): Policy => {
    const policy = parsePolicy(hub.policyText);
    if (policy instanceof Fault) throw new Error(policy.text);
    return policy;
  };
  const hubAlone = async (): Promise<Policy> => {
    const vkey = parseVkey((await json("/log")).vkey);
    if (vkey instanceof Fault) throw new Error(vkey.text);
    return trustVkey(vkey);
  };

  test("a tlog-proof holds by the quorum where it may, else by the hub's key", async () => {
    for (const [index, policy] of [
      [cosigned, quorum()],
      [sealed, await hubAlone()],
    ] as const) {
      const { text } = await ask("/entries/{index}/proof", "", { index });
      const proof = parseProof(text);
      if (proof instanceof Fault) throw new Error(proof.text);
      const entry = (await hub.log.entry(index))!;
      expect(verifyProof(entry, proof, policy, nobleVerify)).toMatchObject({ index });
      const changed = entry.with(40, entry[40]! ^ 1);
      expect(verifyProof(changed, proof, policy, nobleVerify)).toMatchObject({
        code: "not-included",
      });
    }
  });

  test("a receipt holds by the hub's key", async () => {
    const { body } = await ask("/entries/{index}/receipt", "", { index: cosigned });
    const receipt = decodeReceipt(body);
    if (receipt instanceof Fault) throw new Error(receipt.text);
    const vkeys = (await hubAlone()).logs.map(({ vkey }) => vkey);
    const entry = (await hub.log.entry(cosigned))!;
    expect(verifyReceipt(entry, receipt, vkeys, nobleVerify)).toMatchObject({ index: cosigned });
  });

  test("evidence shows who measured what, when and where", async () => {
    const { text } = await ask("/entries/{index}/evidence", "", { index: cosigned });
    const evidence = parseEvidence(text);
    if (evidence instanceof Fault) throw new Error(evidence.text);
    const report = verifyEvidence(evidence, quorum(), nobleVerify);
    if (report instanceof Fault) throw new Error(report.text);
    expect(report).toMatchObject({
      index: cosigned,
      who: { name: "air-1" },
      where: { lat: 51.59, lon: -2.99 },
      block: { height: 1 },
    });
    expect(report.pack?.readings).toHaveLength(3);
    expect(report.checkpoint.cosignatures).toHaveLength(2);
  });
});

describe("a wrong question", () => {
  test.each([
    ["/blocks", "?limit=0"],
    ["/blocks", "?limit=1&limit=2"],
    ["/blocks", "?limit=1e2"],
    ["/blocks", "?befor=1"],
    ["/blocks/{height}", "", { height: "-1" }],
    ["/blocks/{height}", "", { height: "1.0" }],
    ["/blocks/{height}", "", { height: "99999999999999999999" }],
    ["/series", "?device=air-1"],
    ["/series", "?device=air-1&quantity=pm25&fromMs=yesterday"],
    ["/series", "?device=../x&quantity=pm25"],
    ["/entries", "?limit=100000"],
    ["/entries/{index}", "", { index: "0x1" }],
    ["/entries/{index}/proof", "", { index: "one" }],
    ["/quarantine", "?limit=-1"],
  ])(
    "%s%s is answered with a problem",
    async (template, query, values: Record<string, unknown> = {}) => {
      const answer = await ask(template, query, values);
      expect(answer.status).toBe(400);
      const problem = JSON.parse(answer.text) as { code: string; detail: string };
      expect(problem.code).toBe("bad-request");
      expect(problem.detail).toMatch(/^[a-zA-Z]+: expected .*found|^there is no parameter /);
      expect(problem.detail).not.toContain("^[");
    },
  );
});
