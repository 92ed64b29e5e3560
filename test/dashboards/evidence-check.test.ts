/** Checking a reading: every step, and every enemy that can stand between a sensor and a page. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Latest } from "../../dashboards/web/api/answer.ts";
import { HubClient } from "../../dashboards/web/api/hub-client.ts";
import type { Claim } from "../../dashboards/web/check/claim.ts";
import { checkEvidence, originOfEvidence } from "../../dashboards/web/check/evidence-check.ts";
import type { EvidenceCheck } from "../../dashboards/web/check/evidence-check.ts";
import { checkReading } from "../../dashboards/web/check/reading-check.ts";
import { pinFirstUse } from "../../dashboards/web/trust/pin.ts";
import type { Pin } from "../../dashboards/web/trust/pin.ts";
import { Fault } from "../../ledger/fault.ts";
import { nobleVerify } from "../../ledger/signature.ts";
import { exampleCity, PEERS } from "./support/scripted-city.ts";
import type { ScriptedCity } from "./support/scripted-city.ts";

const city = exampleCity("check.example/log", 1_800_000_000);
const DEVICE = "bridge-air";

function pinOf(scripted: ScriptedCity): Pin {
  const pin = pinFirstUse(scripted.vkey, scripted.peers(), 5);
  if (pin instanceof Fault) throw new Error(pin.text);
  return pin;
}

function latest(device: string, quantity: string): Latest {
  const found = city.devices().find(({ name }) => name === device)!;
  return found.latest.find((value) => value.quantity === quantity)!;
}

function claimOf(device: string, quantity: string): Claim {
  return { device, ...latest(device, quantity) };
}

const claim = claimOf(DEVICE, "pm25");
const pin = pinOf(city);
let evidence = "";
let proof = "";
beforeAll(async () => {
  evidence = await city.evidence(claim.entry);
  proof = await city.proof(claim.entry);
});

/** Which step failed, by a word of its title; `undefined` where none did. */
function failed(check: EvidenceCheck): string | undefined {
  return check.steps.find(({ state }) => state === "failed")?.title;
}

function check(changes: Partial<Parameters<typeof checkEvidence>[0]> = {}): EvidenceCheck {
  const question = { text: evidence, entry: claim.entry, claim, proof, pin, verify: nobleVerify };
  return checkEvidence({ ...question, ...changes });
}

describe("a true reading", () => {
  test("holds, cosigned, with every step passed", () => {
    const found = check();
    expect(found.verdict).toBe("cosigned");
    expect(found.steps.map(({ state }) => state)).toEqual(Array(7).fill("passed"));
    expect(found.report).toMatchObject({ who: { name: DEVICE }, block: { height: 2 } });
    expect(found.report?.notShown.join(" ")).toContain(PEERS[0]);
  });

  test("holds without a claim and a proof, in fewer steps", () => {
    const found = check({ claim: undefined, proof: undefined, entry: undefined });
    expect(found.verdict).toBe("cosigned");
    expect(found.steps).toHaveLength(5);
  });

  test("holds on the hub's word alone while a peer is missing", async () => {
    const fresh = claimOf("quay-water", "level");
    const found = check({
      text: await city.evidence(fresh.entry),
      proof: undefined,
      entry: fresh.entry,
      claim: fresh,
    });
    expect(found.verdict).toBe("hub-alone");
    expect(found.steps.at(-1)).toMatchObject({ state: "warned" });
    expect(found.steps.at(-1)?.words).toContain(`Only ${PEERS[0]} cosigned`);
  });

  test("holds on the hub's word alone where no cosigner is pinned", () => {
    const found = check({ pin: { ...pin, cosigners: [], needed: 0 } });
    expect(found.verdict).toBe("hub-alone");
    expect(found.steps.at(-1)?.words).toContain("hub alone vouches");
  });
});

describe("a page that shows what was not signed", () => {
  test.each<[string, Partial<Claim>, string]>([
    ["another value", { value: 11.5 }, "11.5 ug/m3, but 11.4 ug/m3 is signed"],
    ["another type of value", { value: "11.4" }, "is signed"],
    ["another unit", { unit: "mg/m3" }, "11.4 mg/m3, but 11.4 ug/m3 is signed"],
    ["another time", { timeMs: claim.timeMs + 1000 }, "for another time"],
    ["another quantity", { quantity: "no2" }, "nothing called no2"],
    ["another device", { device: "school-air" }, "bridge-air has signed"],
    ["another stream", { stream: "water" }, "signed in air"],
  ])("%s", (_, change, words) => {
    const found = check({ claim: { ...claim, ...change } });
    expect(found.verdict).toBe("fails");
    expect(failed(found)).toContain("what this page showed");
    expect(found.steps.find(({ state }) => state === "failed")?.words).toContain(words);
    expect(found.report).toBeDefined();
  });

  test("a value of another entry, whose own evidence is whole", async () => {
    const text = await city.evidence(latest("market-noise", "laeq").entry);
    const found = check({ text, entry: undefined, proof: undefined });
    expect(failed(found)).toContain("what this page showed");
  });
});

describe("a hub that sends other bytes", () => {
  test("any changed character of the file is found", () => {
    // Every 97th, so that each part of the file is hit: keys, notes, entries, paths.
    for (let i = 0; i < evidence.length; i += 97) {
      const old = evidence[i]!;
      if (/\s/.test(old)) continue;
      const text = evidence.slice(0, i) + (old === "A" ? "B" : "A") + evidence.slice(i + 1);
      const found = check({ text });
      expect([i, found.verdict]).not.toEqual([i, "cosigned"]);
      // A cosigner's line of which the name was changed is a stranger's line: ignored, and then missed.
      if (found.verdict === "hub-alone") expect(found.steps.at(-1)?.state).toBe("warned");
    }
  });

  test.each<[string, (text: string) => string, string]>([
    ["nothing", () => "", "whole and of a known form"],
    ["a page of HTML", () => "<!doctype html>", "whole and of a known form"],
    ["a file cut short", (text) => text.slice(0, -200), "whole and of a known form"],
    [
      "a later version",
      (text) => text.replace("evidence/v1", "evidence/v2"),
      "whole and of a known",
    ],
    [
      "another size in the checkpoint",
      (text) => text.replace(/\\n19\\n/, "\\n20\\n"),
      "signed by the pinned key",
    ],
    [
      "an entry changed",
      (text) => text.replace(/"entry": "0oRY/, '"entry": "0oRZ'),
      "is in that log",
    ],
    ["an entry left out", (text) => without(text, 1), "obey the ledger’s rules"],
  ])("%s", (_, change, title) => {
    const text = change(evidence);
    expect(text).not.toBe(evidence);
    const found = check({ text });
    expect(found.verdict).toBe("fails");
    expect(failed(found)).toContain(title);
    expect(found.steps.find(({ state }) => state === "failed")?.fault).toBeInstanceOf(Fault);
  });

  test("a proof of another entry", async () => {
    const found = check({ proof: await city.proof(claim.entry + 1) });
    expect(failed(found)).toContain("short proof");
  });

  test("evidence of another log, or by another key", async () => {
    const other = exampleCity("other.example/log", 1_800_000_000);
    const text = await other.evidence(claim.entry);
    expect(failed(check({ text }))).toContain("signed by the pinned key");
    expect(failed(check({ pin: pinOf(other) }))).toContain("signed by the pinned key");
  });
});

/** Leaves out one entry of a file. */
function without(text: string, at: number): string {
  const file = JSON.parse(text) as { entries: unknown[] };
  file.entries.splice(at, 1);
  return JSON.stringify(file);
}

test("a file says which log it is about", () => {
  expect(originOfEvidence(evidence)).toBe("check.example/log");
  expect(originOfEvidence("{}")).toBeInstanceOf(Fault);
});

describe("asking the hub", () => {
  function answering(responses: Record<string, Response>): HubClient {
    return new HubClient((path) => {
      const response = responses[path.split("/").at(-1) ?? ""];
      return response === undefined
        ? Promise.reject(new TypeError("refused"))
        : Promise.resolve(response);
    });
  }
  const question = { entry: claim.entry, claim, pin, verify: nobleVerify };

  test("fetches both files and checks them", async () => {
    const client = answering({ evidence: new Response(evidence), proof: new Response(proof) });
    const found = await checkReading(client, question);
    expect(found).toMatchObject({
      kind: "checked",
      check: { verdict: "cosigned" },
      evidence,
      proof,
    });
  });

  test("does without the proof", async () => {
    const found = await checkReading(answering({ evidence: new Response(evidence) }), question);
    expect(found).toMatchObject({ kind: "checked", check: { verdict: "cosigned" } });
  });

  test.each<[string, Response | undefined, string]>([
    ["not sealed yet", new Response("{}", { status: 409 }), "not-sealed"],
    ["later", new Response("{}", { status: 404, headers: { "retry-after": "3" } }), "not-sealed"],
    ["unknown", new Response("{}", { status: 404 }), "no-evidence"],
    ["broken", new Response("{}", { status: 500 }), "no-evidence"],
    ["silent", undefined, "no-evidence"],
  ])("%s", async (_, response, kind) => {
    const client = answering(response === undefined ? {} : { evidence: response });
    expect((await checkReading(client, question)).kind).toBe(kind);
  });
});
