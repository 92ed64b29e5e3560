/** Offline, faulty, late, silent and revoked are told apart. */
import { describe, expect, test } from "vitest";
import type { Device, Latest } from "../../dashboards/web/api/answer.ts";
import { isTrouble, presencesOf, troubleRank } from "../../dashboards/web/city/presence.ts";
import type { Presence } from "../../dashboards/web/city/presence.ts";

const NOW_MS = 1_800_000_000_000;
const EVERY_SECONDS = 60;

function latest(ageSeconds: number, fault = false, quantity = "temp"): Latest {
  return {
    stream: "air",
    quantity,
    unit: "Cel",
    value: 1,
    timeMs: NOW_MS - ageSeconds * 1000,
    fault,
    entry: 7,
    level: "sealed",
  };
}

const DEVICE: Device = {
  name: "d",
  kid: "00",
  streams: ["air"],
  visibility: "public",
  lat: 0,
  lon: 0,
  model: null,
  everySeconds: EVERY_SECONDS,
  owner: null,
  revoked: false,
  online: true,
  lastIat: null,
  latest: [latest(30)],
};

test.each<[string, Partial<Device>, Presence[]]>([
  ["fresh values", {}, ["present"]],
  ["connection unknown", { online: null }, ["present"]],
  ["just within two intervals", { latest: [latest(120)] }, ["present"]],
  ["just beyond two intervals", { latest: [latest(121)] }, ["late"]],
  [
    "one fresh value among old ones",
    { latest: [latest(500), latest(5, false, "rh")] },
    ["present"],
  ],
  ["not connected", { online: false }, ["offline"]],
  ["not connected for long", { online: false, latest: [latest(5000)] }, ["offline"]],
  ["flagged, and others valid", { latest: [latest(5), latest(5, true, "rh")] }, ["faulty"]],
  ["only flagged values", { latest: [latest(5, true)] }, ["faulty", "late"]],
  [
    "not connected, last value flagged",
    { online: false, latest: [latest(5, true)] },
    ["offline", "faulty"],
  ],
  ["nothing came yet", { latest: [] }, ["silent"]],
  ["nothing came, and not connected", { online: false, latest: [] }, ["offline", "silent"]],
  [
    "restricted, signing",
    { visibility: "restricted", latest: [], lastIat: NOW_MS / 1000 - 30 },
    ["present"],
  ],
  [
    "restricted, silent for long",
    { visibility: "restricted", latest: [], lastIat: NOW_MS / 1000 - 999 },
    ["late"],
  ],
  ["no interval announced", { everySeconds: 0, latest: [latest(99_999)] }, ["present"]],
  [
    "revoked, whatever else",
    { revoked: true, online: false, latest: [latest(1, true)] },
    ["revoked"],
  ],
])("%s", (_, change, expected) => {
  expect(presencesOf({ ...DEVICE, ...change }, NOW_MS)).toEqual(expected);
});

describe("order of trouble", () => {
  test("offline before faulty before late before the rest", () => {
    const all: Presence[] = ["revoked", "present", "silent", "late", "faulty", "offline"];
    const sorted = [...all].sort((a, b) => troubleRank([a]) - troubleRank([b]));
    expect(sorted).toEqual(["offline", "faulty", "late", "silent", "present", "revoked"]);
    expect(all.filter((presence) => isTrouble([presence]))).toEqual(["late", "faulty", "offline"]);
  });
});
