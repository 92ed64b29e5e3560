/** What alarms, and what is only worth a notice: a log that contradicts itself, and devices that do. */
import { expect, test } from "vitest";
import { alarmsOf, equivocatorsOf } from "../../dashboards/web/city/alarm.ts";
import type { City } from "../../dashboards/web/city/city.ts";
import type { Trust } from "../../dashboards/web/trust/trust-desk.ts";

const TRUST = { pins: {} } as unknown as Trust;

function cityWith(forks: City["peers"]["forks"]): City {
  const devices = new Map([["air-1", { name: "air-1", kid: "00000000000000a1" }]]);
  return { devices, peers: { forks } } as unknown as City;
}

const of = (subject: string, foundMs: number): City["peers"]["forks"][number] => ({
  id: `equivocation-${subject}-${foundMs}`,
  kind: "equivocation",
  subject,
  foundMs,
});

test("devices that contradict themselves are told by name, newest first, and alarm nobody", () => {
  const gone = "00000000000000b2";
  const city = cityWith([of("00000000000000a1", 5), of(gone, 9), of("00000000000000a1", 7)]);
  expect(equivocatorsOf(city)).toEqual([
    { name: gone, count: 1, foundMs: 9 },
    { name: "air-1", count: 2, foundMs: 7 },
  ]);
  expect(alarmsOf(city, TRUST)).toEqual([]);
});

test.each(["fork", "something new"])("a contradiction of the kind %s is an alarm", (kind) => {
  const fork = { id: "f", kind, subject: "kerbstone.example/test", foundMs: 1 };
  expect(alarmsOf(cityWith([of("x", 1), fork]), TRUST)).toEqual([{ kind: "forks", forks: [fork] }]);
  expect(equivocatorsOf(cityWith([fork]))).toEqual([]);
});
