/** What Home Assistant is told of a device, held against what it demands (homeassistant/components/mqtt/schemas.py). */

import { expect, test } from "vitest";
import { z } from "zod";
import { announcementOf, valueTopic } from "../../../edge/home-assistant/announcement.ts";
import type { AnnouncedValue } from "../../../edge/home-assistant/announcement.ts";
import { entityKind } from "../../../edge/home-assistant/entity.ts";
import { QUANTITIES } from "../../../ledger/quantity.ts";

const topic = z.string().regex(/^[^+#\0]+$/);
const shared = { unique_id: z.string(), name: z.string(), state_topic: topic };
const component = z.discriminatedUnion("platform", [
  z.strictObject({
    platform: z.literal("sensor"),
    ...shared,
    device_class: z.string().optional(),
    unit_of_measurement: z.string().min(1).optional(),
    state_class: z.enum(["measurement", "total", "total_increasing"]).optional(),
    expire_after: z.number().int().positive(),
  }),
  z.strictObject({
    platform: z.literal("binary_sensor"),
    ...shared,
    device_class: z.string().optional(),
    entity_category: z.literal("diagnostic").optional(),
    payload_on: z.string(),
    payload_off: z.string(),
    expire_after: z.number().int().positive().optional(),
  }),
]);
const announcement = z.strictObject({
  device: z.strictObject({
    identifiers: z.array(z.string()).min(1),
    name: z.string(),
    manufacturer: z.string(),
    model: z.string(),
    sw_version: z.string(),
  }),
  origin: z.strictObject({ name: z.string(), sw_version: z.string() }),
  availability_topic: topic,
  payload_available: z.literal("online"),
  payload_not_available: z.literal("offline"),
  qos: z.literal(1),
  components: z.record(z.string().regex(/^[a-zA-Z0-9_-]+$/), component),
});

function announced(values: readonly AnnouncedValue[]): {
  topic: string;
  body: z.infer<typeof announcement>;
} {
  const about = { device: "air-1", origin: "kerbstone.example/newport", version: "0.1.0" };
  const message = announcementOf({ ...about, values, expireAfterSeconds: 600 }, "homeassistant");
  expect(message.isRetained).toBe(true);
  return { topic: message.topic, body: announcement.parse(JSON.parse(message.body)) };
}

const number = (stream: string, quantity: string, unit: string): AnnouncedValue => ({
  stream,
  quantity,
  unit,
  type: "number",
});

test("a device with its quantities, each with a topic, a class and a unit", () => {
  const { topic: where, body } = announced([
    number("air", "pm25", "ug/m3"),
    number("air", "temp", "Cel"),
  ]);
  // Home Assistant takes [a-zA-Z0-9_-] only.
  expect(where).toMatch(/^homeassistant\/device\/[a-zA-Z0-9_-]+\/config$/);
  expect(body.components["air_pm25"]).toEqual({
    platform: "sensor",
    unique_id: "kerbstone_kerbstone.example/newport_air-1_air_pm25",
    name: "PM2.5",
    state_topic: "kerbstone/v1/air-1/value/air/pm25",
    expire_after: 600,
    device_class: "pm25",
    unit_of_measurement: "µg/m³",
    state_class: "measurement",
  });
  expect(body.components["air_temp"]).toMatchObject({ unit_of_measurement: "°C" });
  expect(body.components["logging"]).toMatchObject({ device_class: "problem" });
});

test("entities are told apart, by identifier, topic and, where a quantity comes twice, by name", () => {
  const values = [number("air", "pm25", "ug/m3"), number("air-2", "pm25", "ug/m3")];
  const components = Object.values(announced(values).body.components);
  for (const key of ["unique_id", "state_topic", "name"] as const) {
    expect(new Set(components.map((each) => each[key])).size).toBe(components.length);
  }
});

test("booleans are binary sensors, texts have neither unit nor state class", () => {
  const { body } = announced([
    { stream: "door", quantity: "open", unit: "", type: "boolean" },
    { stream: "door", quantity: "who", unit: "", type: "string" },
  ]);
  expect(body.components["door_open"]).toMatchObject({ platform: "binary_sensor" });
  expect(Object.keys(body.components["door_who"]!)).not.toContain("state_class");
});

/** Units that a device class takes (homeassistant/components/sensor/const.py, DEVICE_CLASS_UNITS). */
const UNITS_OF_CLASS: Readonly<Record<string, readonly string[]>> = {
  pm1: ["µg/m³"],
  pm25: ["µg/m³"],
  pm10: ["µg/m³"],
  nitrogen_dioxide: ["µg/m³"],
  ozone: ["µg/m³"],
  carbon_dioxide: ["ppm"],
  temperature: ["°C"],
  humidity: ["%"],
  atmospheric_pressure: ["hPa"],
  sound_pressure: ["dB", "dBA"],
  speed: ["m/s"],
  distance: ["m"],
  volume_flow_rate: ["L/s"],
  power: ["W"],
  energy: ["kWh", "J"],
  voltage: ["V"],
  current: ["A"],
  frequency: ["Hz"],
  gas: ["m³"],
  water: ["m³"],
};

test.each([...QUANTITIES])("%s has a unit that its class takes", (quantity, { unit }) => {
  const kind = entityKind(quantity, unit);
  if (kind.deviceClass === undefined) return;
  expect(UNITS_OF_CLASS[kind.deviceClass]).toContain(kind.unit);
  // Of these Home Assistant wants sums only.
  const isSum = ["energy", "gas", "water"].includes(kind.deviceClass);
  expect(kind.stateClass).toBe(isSum ? "total_increasing" : "measurement");
});

test("topics are below the device's own branch", () => {
  expect(valueTopic("air-1", { stream: "air", quantity: "pm25" })).toBe(
    "kerbstone/v1/air-1/value/air/pm25",
  );
});
