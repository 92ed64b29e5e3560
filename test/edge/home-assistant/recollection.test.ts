/** What a device remembers of an earlier announcement: its own, and of streams that it has. */

import { expect, test } from "vitest";
import { announcementOf } from "../../../edge/home-assistant/announcement.ts";
import type { AnnouncedValue } from "../../../edge/home-assistant/announcement.ts";
import { NOTHING_RECALLED, recall } from "../../../edge/home-assistant/recollection.ts";

const ABOUT = { device: "air-1", origin: "kerbstone.example/newport" };
const value = (stream: string, quantity: string): AnnouncedValue => ({
  stream,
  quantity,
  unit: "ug/m3",
  type: "number",
});

function announced(values: readonly AnnouncedValue[], about = ABOUT): string {
  const more = { version: "0.1.0", expireAfterSeconds: 600 };
  return announcementOf({ ...about, ...more, values }, "homeassistant").body;
}

function components(body: string): Record<string, object> {
  return (JSON.parse(body) as { components: Record<string, object> }).components;
}

test("what may come again is kept as it was, what cannot is told to go", () => {
  const body = announced([value("air", "pm25"), value("roof-2", "pm-10-x")]);
  const { kept, gone } = recall(body, ABOUT, ["air", "noise"]);
  expect(kept).toEqual({ air_pm25: components(body)["air_pm25"] });
  expect(gone).toEqual({ "roof-2_pm-10-x": { platform: "sensor" } });
  // Once told to go, it is not told again by the next run.
  const others = { ...gone, ...kept };
  const more = { ...ABOUT, version: "0.1.0", expireAfterSeconds: 600, values: [], others };
  const next = announcementOf(more, "homeassistant").body;
  expect(components(next)["roof-2_pm-10-x"]).toEqual({ platform: "sensor" });
  expect(recall(next, ABOUT, ["air"])).toEqual({ kept, gone: {} });
});

test("what was announced for another log makes room", () => {
  const body = announced([value("air", "pm25")], { ...ABOUT, origin: "elsewhere.example" });
  expect(recall(body, ABOUT, ["air"])).toEqual({
    kept: {},
    gone: { air_pm25: { platform: "sensor" } },
  });
});

const foreign = (id: string, changes: object): string => {
  const known = components(announced([value("air", "pm25")]))["air_pm25"];
  return JSON.stringify({ components: { [id]: { ...known, ...changes } } });
};

test.each([
  "",
  "null",
  "[]",
  "{",
  '{"components":[]}',
  '{"components":{"air_pm25":null}}',
  foreign("air_pm25", { state_topic: "kerbstone/v1/air-2/value/air/pm25" }),
  foreign("air_pm25", { state_topic: "kerbstone/v1/air-1/value/x/air/pm25" }),
  foreign("air_pm25", { platform: "lock" }),
  foreign("other", {}),
  `{"components":{}, "x": "${"x".repeat(1_000_001)}"}`,
])("what is not by this program counts for nothing (%#)", (body) => {
  expect(recall(body, ABOUT, ["air"])).toEqual(NOTHING_RECALLED);
});
