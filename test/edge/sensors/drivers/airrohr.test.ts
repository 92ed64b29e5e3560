/** airRohr boards: messages as the firmware puts them together. */
import { describe, expect, test } from "vitest";
import { hear, openDriver, said } from "./message-line.ts";

const BOARD = "esp8266-1234567";

/** A message, of `type=value` pairs. */
function push(...pairs: string[]): string {
  const items = pairs.map((pair) => {
    const [type, value] = pair.split("=");
    return `{"value_type":"${type}","value":"${value}"}`;
  });
  return `{"esp8266id": "1234567", "software_version": "NRZ-2020-133", "sensordatavalues":[${items.join(",")}]}`;
}

const OWN = ["samples=4974213", "min_micro=28", "max_micro=20059", "interval=145000", "signal=-61"];

describe("to an own API", () => {
  test.each([
    [
      "an SDS011 and a DHT22",
      ["SDS_P1=12.30", "SDS_P2=5.10", "temperature=21.20", "humidity=44.00"],
      ["pm10 12.3 ug/m3", "pm25 5.1 ug/m3", "temp 21.2 Cel", "rh 44 %RH"],
    ],
    [
      "a BME280, with pressure in pascals",
      ["BME280_temperature=21.20", "BME280_pressure=98123.45", "BME280_humidity=44.00"],
      ["temp 21.2 Cel", "pressure 981.2345 hPa", "rh 44 %RH"],
    ],
    [
      "a DNMS",
      ["DNMS_noise_LAeq=58.30", "DNMS_noise_LA_min=44.10", "DNMS_noise_LA_max=77.00"],
      ["laeq 58.3 dB", "lamin 44.1 dB", "lamax 77 dB"],
    ],
    [
      "a Plantower",
      ["PMS_P0=4.00", "PMS_P1=9.00", "PMS_P2=6.50"],
      ["pm1 4 ug/m3", "pm10 9 ug/m3", "pm25 6.5 ug/m3"],
    ],
    [
      "an SCD30",
      ["SCD30_temperature=20.00", "SCD30_humidity=40.00", "SCD30_co2_ppm=612"],
      ["temp 20 Cel", "rh 40 %RH", "co2 612 ppm"],
    ],
    ["particles that are only counted", ["NPM_P1=9.00", "NPM_N1=3.20"], ["pm10 9 ug/m3"]],
    [
      "a receiver, whose place is for the settings",
      ["GPS_lat=51.5", "SDS_P1=9.00"],
      ["pm10 9 ug/m3"],
    ],
    ["a value that is none", ["SDS_P1=nan", "SDS_P2=5.10"], ["pm25 5.1 ug/m3"]],
    [
      "a value beyond its range",
      ["SDS_P1=1000.00", "SDS_P2=1200.00"],
      ["pm10 1000 ug/m3", "pm25 1200 ug/m3!"],
    ],
    [
      "an SDS011's signs of a stuck fan",
      ["SDS_P1=1999.90", "SDS_P2=999.90"],
      ["pm10 1999.9 ug/m3!", "pm25 999.9 ug/m3!"],
    ],
    ["another sensor at that value", ["PMS_P1=1999.90"], ["pm10 1999.9 ug/m3"]],
    [
      "a heated inlet, which is not the air of the place",
      ["HECA_temperature=35.1", "HECA_humidity=20.2", "SDS_P1=9.00"],
      ["pm10 9 ug/m3"],
    ],
  ])("%s", (_, pairs, expected) => {
    const driver = openDriver("airrohr");
    expect(said(hear(driver, BOARD, push(...pairs, ...OWN)))).toEqual(expected);
  });

  test("a PPD42NS counts particles and calls them micrograms: nothing of it is taken", () => {
    const pairs = ["durP1=1234", "ratioP1=0.41", "P1=213.4", "durP2=99", "ratioP2=0.1", "P2=0.62"];
    expect(hear(openDriver("airrohr"), BOARD, push(...pairs, ...OWN))).toEqual([]);
    expect(hear(openDriver("airrohr"), `${BOARD}/pin/5`, push("P1=213.4", "P2=0.62"))).toEqual([]);
  });

  test("two sensors of one quantity: neither, until one is named", () => {
    const both = push(
      "SDS_P1=12.30",
      "PMS_P1=9.00",
      "temperature=20.00",
      "BME280_temperature=21.00",
    );
    const driver = openDriver("airrohr");
    expect(hear(driver, BOARD, both)).toEqual([]);
    expect(driver.passedOver!()).toMatchObject({ contested: 4 });
    expect(driver.parts!()[0]).toMatchObject({ name: `pm10 of ${BOARD} SDS and ${BOARD} PMS` });
    const named = openDriver("airrohr", { sensor: ["SDS", "BME280"] });
    expect(said(hear(named, BOARD, both))).toEqual(["pm10 12.3 ug/m3", "temp 21 Cel"]);
    const dht = openDriver("airrohr", { sensor: "DHT" });
    expect(said(hear(dht, BOARD, push("temperature=20.00", "BME280_temperature=21.00")))).toEqual([
      "temp 20 Cel",
    ]);
  });
});

describe("to sensor.community", () => {
  test("one message a sensor, told apart by their pins", () => {
    const driver = openDriver("airrohr");
    expect(said(hear(driver, `${BOARD}/pin/1`, push("P1=12.30", "P2=5.10")))).toEqual([
      "pm10 12.3 ug/m3",
      "pm25 5.1 ug/m3",
    ]);
    expect(
      said(hear(driver, `${BOARD}/pin/7`, push("temperature=20.00", "humidity=40.00"))),
    ).toEqual(["temp 20 Cel", "rh 40 %RH"]);
    expect(
      said(hear(driver, `${BOARD}/pin/11`, push("temperature=21.00", "pressure=98000.00"))),
    ).toEqual(["pressure 980 hPa"]);
    expect(driver.passedOver!()).toMatchObject({ contested: 1 });
  });

  test("an SDS011's signs of a stuck fan are faults", () => {
    expect(
      said(hear(openDriver("airrohr"), `${BOARD}/pin/1`, push("P1=1999.90", "P2=5.10"))),
    ).toEqual(["pm10 1999.9 ug/m3!", "pm25 5.1 ug/m3"]);
  });

  test("a named sensor is known by its pin, and its rival left out from the first message on", () => {
    const driver = openDriver("airrohr", { sensor: "BME280" });
    expect(hear(driver, `${BOARD}/pin/7`, push("temperature=20.00", "humidity=40.00"))).toEqual([]);
    expect(said(hear(driver, `${BOARD}/pin/11`, push("temperature=21.00")))).toEqual([
      "temp 21 Cel",
    ]);
    expect(driver.passedOver!()).toMatchObject({ contested: 0 });
  });
});

test("what boards say of themselves is no fault, and what is no such message is one", () => {
  const driver = openDriver("airrohr");
  hear(driver, BOARD, push(...OWN));
  expect(driver.counters()).toMatchObject({ framesGood: 0, framesBad: 0 });
  for (const payload of [{}, [], { sensordatavalues: 3 }, { sensordatavalues: [null, 3, {}] }, "x"])
    hear(driver, BOARD, payload);
  expect(driver.counters()).toMatchObject({ framesGood: 0, framesBad: 5 });
});
