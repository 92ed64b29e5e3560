/** Recordings in the query API: found by hash and time, as its document describes, and proved by their evidence. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { encodeHex, encodeUtf8 } from "../../../ledger/bytes.ts";
import { verifyEvidence } from "../../../ledger/evidence.ts";
import { parseEvidence } from "../../../ledger/evidence-file.ts";
import { Fault } from "../../../ledger/fault.ts";
import { encodeClip } from "../../../ledger/kinds/clip.ts";
import { parsePolicy } from "../../../ledger/policy.ts";
import { sha256 } from "../../../ledger/sha256.ts";
import { nobleVerify } from "../../../ledger/signature.ts";
import { Scope } from "../../support/scope.ts";
import { ApiDocument } from "../support/api-document.ts";
import { ApiHub } from "../support/api-hub.ts";
import type { HttpAnswer, Measuring } from "../support/api-hub.ts";
import { accepted } from "../support/log-bench.ts";

const scope = new Scope();
afterAll(() => scope.end());

const BEGIN_MS = Math.floor(Date.now() / 1000) * 1000 - 600_000;
const MINUTE_MS = 60_000;

interface Clips {
  readonly clips: readonly { readonly entry: number; readonly fromMs: number }[];
  readonly next: string | null;
}

let hub: ApiHub;
let document: ApiDocument;
let gate: Measuring;
const entries: number[] = [];

const film = (minute: number): Uint8Array => encodeUtf8(`film ${minute}`);
const hashOf = (minute: number): string => encodeHex(sha256(film(minute)));

async function record(minute: number): Promise<number> {
  const payload = encodeClip({
    camera: "street",
    fromMs: BEGIN_MS + minute * MINUTE_MS,
    toMs: BEGIN_MS + (minute + 1) * MINUTE_MS,
    sha256: sha256(film(minute)),
    bytes: film(minute).length,
    type: "video/mp4",
  });
  const iat = Math.floor(Date.now() / 1000);
  const { index } = accepted(
    hub.log.decide(gate.signDraft({ kind: "clip", stream: "main", iat, payload })),
  );
  await hub.log.durable();
  return index;
}

beforeAll(async () => {
  hub = await ApiHub.start(scope);
  document = await ApiDocument.of(hub);
  gate = await hub.enrol("gate-1");
  for (let minute = 0; minute < 3; minute++) entries.push(await record(minute));
  await hub.seal("gwent", "usk");
  entries.push(await record(3));
  await hub.seal();
  entries.push(await record(4));
  await hub.settled();
});

function ask(
  template: string,
  query = "",
  values: Record<string, unknown> = {},
): Promise<HttpAnswer> {
  return document.ask(hub, `/api/v1${template}`, query, values);
}

async function list(query = ""): Promise<Clips> {
  const answer = await ask("/devices/{name}/clips", query, { name: "gate-1" });
  expect(answer.status).toBe(200);
  return JSON.parse(answer.text) as Clips;
}

test("by the hash of the recording: who, when, and how far the proof has come", async () => {
  const levels = await Promise.all(
    [1, 3, 4].map(async (minute) => {
      const answer = await ask("/clips/{sha256}", "", { sha256: hashOf(minute) });
      expect(answer.status).toBe(200);
      const { level, ...clip } = JSON.parse(answer.text) as { level: string };
      expect(clip).toEqual({
        entry: entries[minute],
        device: "gate-1",
        stream: "main",
        camera: "street",
        fromMs: BEGIN_MS + minute * MINUTE_MS,
        toMs: BEGIN_MS + (minute + 1) * MINUTE_MS,
        sha256: hashOf(minute),
        bytes: film(minute).length,
        type: "video/mp4",
      });
      return level;
    }),
  );
  expect(levels).toEqual(["cosigned", "sealed", "stored"]);
  expect((await ask("/clips/{sha256}", "", { sha256: "00".repeat(32) })).status).toBe(404);
  for (const wrong of ["00", "ZZ".repeat(32), "AB".repeat(32)]) {
    expect((await ask("/clips/{sha256}", "", { sha256: wrong })).status).toBe(400);
  }
});

test("by device and time, in parts", async () => {
  const all = await list();
  expect(all.clips.map(({ entry }) => entry)).toEqual(entries);
  expect(all.next).toBeNull();
  const at = (minutes: number): string => String(BEGIN_MS + minutes * MINUTE_MS);
  const some = await list(`?fromMs=${at(1.5)}&toMs=${at(3.5)}`);
  expect(some.clips.map(({ entry }) => entry)).toEqual([entries[1], entries[2], entries[3]]);
  const first = await list("?limit=2");
  expect(first.clips).toHaveLength(2);
  const rest = await list(`?limit=10&after=${first.next!}`);
  expect([...first.clips, ...rest.clips]).toEqual(all.clips);
  expect((await ask("/devices/{name}/clips", "", { name: "nobody" })).status).toBe(404);
  expect((await ask("/devices/{name}/clips", "?after=x", { name: "gate-1" })).status).toBe(400);
});

test("the evidence of a clip shows a stranger what was signed", async () => {
  const answer = await ask("/entries/{index}/evidence", "", { index: entries[1]! });
  const evidence = parseEvidence(answer.text);
  const policy = parsePolicy(hub.policyText);
  if (evidence instanceof Fault || policy instanceof Fault) throw new Error("no evidence");
  const report = verifyEvidence(evidence, policy, nobleVerify);
  expect(report).toMatchObject({
    index: entries[1],
    effect: { kind: "clip", clip: { camera: "street", sha256: sha256(film(1)) } },
    who: { name: "gate-1" },
    block: { height: 1 },
  });
});

test("a hub that makes its index again finds them again", async () => {
  await hub.services.projections.rebuild("index");
  await hub.settled();
  expect((await list()).clips.map(({ entry }) => entry)).toEqual(entries);
});
