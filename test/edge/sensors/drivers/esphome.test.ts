/** ESPHome: bare numbers, told apart by the names of their sensors. */
import { expect, test } from "vitest";
import { DRIVERS } from "../../../../edge/sensors/drivers/drivers.ts";
import { hear, openDriver, said } from "./message-line.ts";

test.each([
  ["temperature", "21.5", "temp 21.5 Cel"],
  ["living_room_temperature", "-3.0", "temp -3 Cel"],
  ["ground_floor_temperature", "19.0", "temp 19 Cel"],
  ["bme280_humidity", "48.1", "rh 48.1 %RH"],
  ["pressure", "1013.2", "pressure 1013.2 hPa"],
  ["co2_value", "612", "co2 612 ppm"],
  ["particulate_matter__1_0__m_concentration", "3", "pm1 3 ug/m3"],
  ["particulate_matter__2_5__m_concentration", "5", "pm25 5 ug/m3"],
  ["particulate_matter__10_0__m_concentration", "9", "pm10 9 ug/m3"],
  ["workshop_pm_2_5", "5.5", "pm25 5.5 ug/m3"],
  ["pm25", "5.5", "pm25 5.5 ug/m3"],
  ["pm_10", "7", "pm10 7 ug/m3"],
  ["street_laeq", "61.2", "laeq 61.2 dB"],
])("%s", (name, payload, expected) => {
  expect(said(hear(openDriver("esphome"), `yard/sensor/${name}/state`, payload))).toEqual([
    expected,
  ]);
});

test.each([
  "internal_temperature",
  "cpu_temperature",
  "water_temperature",
  "absolute_humidity",
  "dew_point",
  "dew_point_temperature",
  "feels_like_temperature",
  "garden_soil_temperature",
  "soil_humidity",
  "wet_bulb_temperature",
  "sea_level_pressure",
  "filter_differential_pressure",
  "target_humidity",
  "wifi_signal",
  "pm_2_5_count",
])("%s is none of ours", (name) => {
  const driver = openDriver("esphome");
  expect(hear(driver, `yard/sensor/${name}/state`, "21.5")).toEqual([]);
  expect(driver.counters()).toMatchObject({ framesGood: 0, framesBad: 0 });
});

test.each(["nan", "None", "", "unknown"])("%j is counted, and no reading", (payload) => {
  const driver = openDriver("esphome");
  expect(hear(driver, "yard/sensor/temperature/state", payload)).toEqual([]);
  expect(driver.passedOver!()).toMatchObject({ unusable: 1 });
});

test.each([
  "yard/binary_sensor/door/state",
  "yard/debug",
  "yard/sensor/temperature",
  "homeassistant/status/x",
])("%s is for others", (topic) => {
  const driver = openDriver("esphome");
  expect(hear(driver, topic, "21.5")).toEqual([]);
  expect(driver.counters()).toMatchObject({ framesGood: 0, framesBad: 0 });
});

test("two sensors with names alike are two sensors", () => {
  const driver = openDriver("esphome");
  hear(driver, "yard/sensor/bme280_temperature/state", "20.0");
  expect(hear(driver, "yard/sensor/dht22_temperature/state", "21.0")).toEqual([]);
  expect(driver.passedOver!()).toMatchObject({ contested: 1 });
  const named = openDriver("esphome", {
    values: [{ quantity: "temp", topic: "yard/sensor/dht22_temperature/state", path: "" }],
  });
  expect(hear(named, "yard/sensor/bme280_temperature/state", "20.0")).toEqual([]);
  expect(said(hear(named, "yard/sensor/dht22_temperature/state", "21.0"))).toEqual(["temp 21 Cel"]);
});

test("its status says whether the board is there", () => {
  const driver = openDriver("esphome");
  hear(driver, "yard/status", "offline", true);
  expect(driver.isOffline!()).toBe(true);
  hear(driver, "yard/sensor/temperature/state", "20.0");
  expect(driver.isOffline!()).toBe(false);
  const { besides } = DRIVERS.get("esphome")!;
  expect(besides!("yard/sensor/+/state")).toEqual(["yard/status"]);
  expect(besides!("yard/sensor/temperature/state")).toEqual(["yard/status"]);
  expect(besides!("yard/#")).toEqual([]);
});
