/** Zigbee2MQTT: messages as its documentation and its users show them. */
import { expect, test } from "vitest";
import { DRIVERS } from "../../../../edge/sensors/drivers/drivers.ts";
import { hear, openDriver, said } from "./message-line.ts";

const KITCHEN = "zigbee2mqtt/kitchen";

test.each([
  ["climate", { temperature: 27.34, humidity: 44.72 }, ["temp 27.34 Cel", "rh 44.72 %RH"]],
  [
    "a sensor with a battery, whose voltage is in millivolts",
    {
      battery: 100,
      humidity: 53.81,
      linkquality: 105,
      pressure: 1001.1,
      temperature: 21.77,
      voltage: 3055,
    },
    ["temp 21.77 Cel", "rh 53.81 %RH", "pressure 1001.1 hPa"],
  ],
  [
    "a plug",
    { current: 0.12, energy: 12.3, linkquality: 99, power: 27.4, state: "ON", voltage: 231 },
    ["power 27.4 W", "current 0.12 A", "energy 12.3 kWh", "voltage 231 V"],
  ],
  [
    "an air monitor, with formaldehyde in a unit that nobody says",
    { co2: 512, formaldehyd: 3, humidity: 40, pm25: 7, temperature: 20, voc: 9 },
    ["temp 20 Cel", "rh 40 %RH", "co2 512 ppm", "pm25 7 ug/m3"],
  ],
  ["a value that is not there yet", { temperature: null, humidity: 40 }, ["rh 40 %RH"]],
])("%s", (_, payload, expected) => {
  expect(said(hear(openDriver("zigbee2mqtt"), KITCHEN, payload))).toEqual(expected);
});

test.each([
  [`${KITCHEN}/set`, { temperature: 3 }],
  [`${KITCHEN}/get/temperature`, { temperature: "" }],
  ["zigbee2mqtt/bridge/info", { temperature: 3 }],
  ["zigbee2mqtt/bridge/logging", { level: "info", message: "x" }],
  ["zigbee2mqtt/bridge/request/device/rename", { from: "a", to: "b" }],
  ["home/zigbee2mqtt/bridge/devices", [{ temperature: 3 }]],
])("%s %j is for others, and no fault", (topic, payload) => {
  const driver = openDriver("zigbee2mqtt");
  expect(hear(driver, topic, payload)).toEqual([]);
  expect(driver.counters()).toMatchObject({ framesGood: 0, framesBad: 0 });
});

test("a device may be called after a bridge", () => {
  const topic = "zigbee2mqtt/river/bridge/north";
  expect(said(hear(openDriver("zigbee2mqtt"), topic, { temperature: 4 }))).toEqual(["temp 4 Cel"]);
});

test.each([{ action: "single" }, "online", [1], '{"temperature":2'])(
  "%j of a device holds nothing that counts, and is not understood",
  (payload) => {
    const driver = openDriver("zigbee2mqtt");
    hear(driver, KITCHEN, payload);
    expect(driver.counters()).toMatchObject({ framesGood: 0, framesBad: 1 });
  },
);

test.each([
  ["old", "offline", "online"],
  ["new", { state: "offline" }, { state: "online" }],
])("%s words say whether a device is there", (_, offline, online) => {
  const driver = openDriver("zigbee2mqtt");
  expect(driver.isOffline!()).toBe(false);
  // What is kept is no measurement, and holds good all the same.
  hear(driver, `${KITCHEN}/availability`, offline, true);
  expect(driver.isOffline!()).toBe(true);
  hear(driver, `${KITCHEN}/availability`, online);
  expect(driver.isOffline!()).toBe(false);
  hear(driver, `${KITCHEN}/availability`, offline);
  hear(driver, KITCHEN, { temperature: 20 });
  expect(driver.isOffline!()).toBe(false);
  hear(driver, "zigbee2mqtt/bridge/state", offline);
  expect(driver.isOffline!()).toBe(true);
  hear(driver, "zigbee2mqtt/bridge/state", online);
  expect(driver.isOffline!()).toBe(false);
  hear(driver, `${KITCHEN}/availability`, offline);
  driver.opened(9);
  expect(driver.isOffline!()).toBe(false);
});

test("behind one filter, all devices have to be gone", () => {
  const driver = openDriver("zigbee2mqtt");
  hear(driver, "zigbee2mqtt/a/availability", "offline");
  hear(driver, "zigbee2mqtt/b/availability", "online");
  expect(driver.isOffline!()).toBe(false);
  hear(driver, "zigbee2mqtt/b/availability", "offline");
  expect(driver.isOffline!()).toBe(true);
  hear(driver, "zigbee2mqtt/a/availability", { state: "broken" });
  expect(driver.isOffline!()).toBe(true);
});

test("values of the settings win", () => {
  const driver = openDriver("zigbee2mqtt", {
    values: [
      { quantity: "temp", path: "/device_temperature" },
      { quantity: "hcho", path: "/formaldehyd", scale: 1000 },
    ],
  });
  const payload = { device_temperature: 30, temperature: 20, humidity: 40, formaldehyd: 0.012 };
  expect(said(hear(driver, KITCHEN, payload))).toEqual([
    "temp 30 Cel",
    "hcho 12 ug/m3",
    "rh 40 %RH",
  ]);
});

test.each([
  [KITCHEN, [`${KITCHEN}/availability`, "zigbee2mqtt/bridge/state"]],
  ["zigbee2mqtt/+", ["zigbee2mqtt/+/availability", "zigbee2mqtt/bridge/state"]],
  ["zigbee2mqtt/#", ["zigbee2mqtt/bridge/state"]],
  ["+/kitchen", ["+/kitchen/availability"]],
  ["/kitchen", ["/kitchen/availability"]],
  [
    "home/zigbee2mqtt/attic",
    ["home/zigbee2mqtt/attic/availability", "home/bridge/state", "home/zigbee2mqtt/bridge/state"],
  ],
  ["home/+/attic", ["home/+/attic/availability", "home/bridge/state"]],
])("at %s it also listens to %j", (filter, besides) => {
  expect(DRIVERS.get("zigbee2mqtt")!.besides!(filter)).toEqual(besides);
});
