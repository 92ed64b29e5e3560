/** Values, times, places and addresses as people read them. */
import { describe, expect, test } from "vitest";
import { offlineCommand } from "../../dashboards/web/check/offline-command.ts";
import { formatRoute, parseRoute, SECTIONS } from "../../dashboards/web/routes.ts";
import type { Route } from "../../dashboards/web/routes.ts";
import { countOf, shorten } from "../../dashboards/web/words/number.ts";
import { formatPosition } from "../../dashboards/web/words/place.ts";
import { formatAge, formatTime, formatUtc, isoTime } from "../../dashboards/web/words/time.ts";
import { formatValue } from "../../dashboards/web/words/value.ts";

test.each([
  ["pm25", "ug/m3", 11.44, "11.4 µg/m³"],
  ["pm25", "ug/m3", 11.04, "11.0 µg/m³"],
  ["temp", "Cel", -3, "-3 °C"],
  ["laeq", "dB", 63.42, "63.4 dB(A)"],
  ["gain", "dB", 3.5, "3.5 dB"],
  ["vehicles", "count", 1284, "1,284"],
  ["level", "m", 1.284, "1.28 m"],
  ["hdop", null, 0.954, "0.95"],
  ["door", null, true, "yes"],
  ["state", null, "open", "open"],
  ["wonder", "furlong", 2, "2 furlong"],
])("%s in %s: %s is %s", (quantity, unit, value, expected) => {
  const words = formatValue(quantity, unit, value);
  expect(`${words.value} ${words.unit}`.trim()).toBe(expected);
});

test.each([
  [0, "just now"],
  [-2_000, "just now"],
  [59_999, "59 s ago"],
  [60_000, "1 min ago"],
  [3_599_999, "59 min ago"],
  [7_200_000, "2 h ago"],
  [172_800_000, "2 days ago"],
  [-90_000, "1 min ahead"],
])("an age of %i ms is %s", (ageMs, expected) => {
  expect(formatAge(ageMs)).toBe(expected);
});

describe("times", () => {
  const timeMs = Date.UTC(2026, 6, 28, 14, 3, 22);

  test("in UTC, to the millisecond only where there are any", () => {
    expect(formatUtc(timeMs)).toBe("2026-07-28 14:03:22 UTC");
    expect(formatUtc(timeMs + 5)).toBe("2026-07-28 14:03:22.005 UTC");
  });

  test("with the date only on another day", () => {
    expect(formatTime(timeMs, timeMs + 1000)).toMatch(/^\d\d:\d\d:22$/);
    expect(formatTime(timeMs, timeMs + 3 * 86_400_000)).toMatch(/2026, \d\d:\d\d:22$/);
  });

  test("that cannot be do not break the page", () => {
    expect(formatTime(1e300, 0)).toBe("at an impossible time");
    expect(formatUtc(-1e300)).toBe("at an impossible time");
    expect(isoTime(1e300)).toBeUndefined();
  });
});

test.each([
  [51.584021, -2.98711, "51.58402° N, 2.98711° W"],
  [-33.5, 151, "33.5° S, 151° E"],
  [0, 0, "0° N, 0° E"],
])("position %f %f", (lat, lon, expected) => {
  expect(formatPosition(lat, lon).replaceAll("\u00a0", " ")).toBe(expected);
});

test("counts and hashes", () => {
  expect(countOf(1, "entry", "entries")).toBe("1 entry");
  expect(countOf(1200, "entry", "entries")).toBe("1,200 entries");
  expect(shorten("0123456789abcdef0123456789abcdef")).toBe("01234567…abcdef");
  expect(shorten("short")).toBe("short");
});

describe("routes", () => {
  const routes: Route[] = [
    { view: "overview" },
    ...SECTIONS.map((section): Route => ({ view: "overview", section })),
    { view: "entry", entry: 0 },
    { view: "entry", entry: Number.MAX_SAFE_INTEGER },
  ];
  test.each(routes)("%j comes back", (route) => {
    expect(parseRoute(formatRoute(route))).toEqual(route);
  });

  test.each([
    "",
    "#",
    "#/entry",
    "#/entry/-1",
    "#/entry/01",
    "#/entry/1e3",
    "#/entry/99999999999999999",
    "#/blocks/1",
    "#/x",
  ])("%j is the overview", (hash) => {
    expect(parseRoute(hash)).toEqual({ view: "overview" });
  });
});

describe("the offline command", () => {
  test("is one that a shell reads as it is meant", () => {
    expect(offlineCommand("entry-7.evidence.json", { vkey: "a.example/log+01+AB/+=" })).toBe(
      "npx kerbstone verify entry-7.evidence.json --vkey a.example/log+01+AB/+=",
    );
  });

  test("quotes what would be more than a word", () => {
    expect(offlineCommand("my file's.json", { policyFile: "$(x).policy" })).toBe(
      String.raw`npx kerbstone verify 'my file'\''s.json' --policy '$(x).policy'`,
    );
  });
});
