/** Tasmota: messages as its users show them. */
import { expect, test } from "vitest";
import { DRIVERS } from "../../../../edge/sensors/drivers/drivers.ts";
import { hear, openDriver, said } from "./message-line.ts";

const TOPIC = "tele/kitchen/SENSOR";

test.each([
  [
    "an AM2301",
    '{"Time":"2018-03-02T18:25:03","AM2301":{"Temperature":22.6,"Humidity":32.4},"TempUnit":"C"}',
    ["temp 22.6 Cel", "rh 32.4 %RH"],
  ],
  [
    "several sensors, with the inside of an MH-Z19 left out",
    '{"Time":"2025-05-09T11:41:50","BME280":{"Temperature":21.4,"Humidity":33.7,"Pressure":1021.9},"BH1750":{"Illuminance":0},"MHZ19B":{"Model":"B","CarbonDioxide":424,"Temperature":19.0},"PressureUnit":"hPa","TempUnit":"C"}',
    ["temp 21.4 Cel", "rh 33.7 %RH", "pressure 1021.9 hPa", "co2 424 ppm"],
  ],
  ["an MH-Z19 before it has measured", '{"MHZ19B":{"CarbonDioxide":0}}', ["co2 0 ppm!"]],
  [
    "an SDS011's signs of a stuck fan",
    '{"Time":"x","SDS0X1":{"PM2.5":999.9,"PM10":1999.9}}',
    ["pm25 999.9 ug/m3!", "pm10 1999.9 ug/m3!"],
  ],
  ["dust", '{"Time":"x","SDS0X1":{"PM2.5":4.9,"PM10":8.5}}', ["pm25 4.9 ug/m3", "pm10 8.5 ug/m3"]],
  [
    "dust of an SPS30",
    '{"SPS30":{"PM1_0":1.5,"PM2_5":2.5,"PM4_0":3,"PM10":4}}',
    ["pm1 1.5 ug/m3", "pm25 2.5 ug/m3", "pm10 4 ug/m3"],
  ],
  [
    "a plug",
    '{"ENERGY":{"TotalStartTime":"2018-11-20T00:00:51","Total":5.1,"Today":0.2,"Power":27,"Factor":0.5,"Voltage":231,"Current":0.12,"Frequency":50}}',
    ["energy 5.1 kWh", "power 27 W", "voltage 231 V", "current 0.12 A", "frequency 50 Hz"],
  ],
  ["Fahrenheit", '{"DS18B20":{"Temperature":71.6},"TempUnit":"F"}', ["temp 22 Cel"]],
  ["Fahrenheit below zero", '{"DS18B20":{"Temperature":-4},"TempUnit":"F"}', ["temp -20 Cel"]],
  [
    "millimetres of mercury",
    '{"BMP280":{"Pressure":750},"PressureUnit":"mmHg"}',
    ["pressure 999.92 hPa"],
  ],
  [
    "inches of mercury",
    '{"BMP280":{"Pressure":29.92},"PressureUnit":"inHg"}',
    ["pressure 1013.21 hPa"],
  ],
  [
    "one of two with numbers in their names",
    '{"DS18B20-1":{"Id":"0","Temperature":4.1}}',
    ["temp 4.1 Cel"],
  ],
  [
    "one with its address",
    '{"SHT3X-0x44":{"Temperature":4.1,"Humidity":50}}',
    ["temp 4.1 Cel", "rh 50 %RH"],
  ],
  ["one without its sensor", '{"SI7021":{"Temperature":null,"Humidity":null}}', []],
  ["the chip's own temperature", '{"ESP32":{"Temperature":53.3},"TempUnit":"C"}', []],
])("%s", (_, text, expected) => {
  expect(said(hear(openDriver("tasmota"), TOPIC, text))).toEqual(expected);
});

test.each(['"K"', "null1", "{}", '{"toString":1}'])(
  "a unit %s makes the value unusable",
  (unit) => {
    const driver = openDriver("tasmota");
    const text = `{"DS18B20":{"Temperature":20},"TempUnit":${unit.replace("null1", "7")}}`;
    expect(hear(driver, TOPIC, text)).toEqual([]);
    expect(driver.passedOver!()).toMatchObject({ unusable: 1 });
  },
);

test("two sensors of one quantity in one board are two sensors: neither is taken, until one is named", () => {
  const text =
    '{"BME280":{"Temperature":21,"Humidity":40,"Pressure":1000},"DS18B20":{"Temperature":4},"TempUnit":"C"}';
  const driver = openDriver("tasmota");
  expect(said(hear(driver, TOPIC, text))).toEqual(["rh 40 %RH", "pressure 1000 hPa"]);
  expect(driver.passedOver!()).toMatchObject({ contested: 2 });
  const named = openDriver("tasmota", {
    values: [{ quantity: "temp", path: "/DS18B20/Temperature" }],
  });
  expect(said(hear(named, TOPIC, text))).toEqual(["temp 4 Cel", "rh 40 %RH", "pressure 1000 hPa"]);
});

test("other messages of the board are no faults", () => {
  const driver = openDriver("tasmota");
  hear(driver, "tele/kitchen/STATE", '{"Time":"x","Uptime":"0T00:10:11","Wifi":{"RSSI":44}}');
  hear(driver, "stat/kitchen/RESULT", '{"POWER":"OFF"}');
  expect(driver.counters()).toMatchObject({ framesGood: 0, framesBad: 0 });
  hear(driver, TOPIC, '{"Time":"x","AM23');
  expect(driver.counters()).toMatchObject({ framesGood: 0, framesBad: 1 });
});

test("its will says whether the board is there", () => {
  const driver = openDriver("tasmota");
  hear(driver, "tele/kitchen/LWT", "Offline", true);
  expect(driver.isOffline!()).toBe(true);
  hear(driver, TOPIC, '{"AM2301":{"Temperature":22.6,"Humidity":32.4}}');
  expect(driver.isOffline!()).toBe(false);
  hear(driver, "tele/kitchen/LWT", "Offline");
  hear(driver, "tele/kitchen/LWT", "Online");
  expect(driver.isOffline!()).toBe(false);
  const { besides } = DRIVERS.get("tasmota")!;
  expect(besides!(TOPIC)).toEqual(["tele/kitchen/LWT"]);
  expect(besides!("tele/kitchen/#")).toEqual([]);
});
