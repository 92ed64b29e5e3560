/** Boards that speak in messages: byte for byte what their firmware writes, as its documentation and users show it. */
import { describe, expect, test } from "vitest";
import { decodeUtf8 } from "../../../ledger/bytes.ts";
import { AirRohrBoard } from "../../../firmware-sim/boards/airrohr.ts";
import type { BoardMessage, MessageBoard } from "../../../firmware-sim/boards/board.ts";
import { EsphomeBoard } from "../../../firmware-sim/boards/esphome.ts";
import { TasmotaBoard } from "../../../firmware-sim/boards/tasmota.ts";
import { Zigbee2MqttBoard } from "../../../firmware-sim/boards/zigbee2mqtt.ts";

const EIGHT = Date.UTC(2026, 2, 3, 8);
const AIR = { temp: 21.7043, rh: 66.6, pm25: 4.9, pm10: 8.54, co2: 424.3 };

/** `topic payload`, with `*` where the broker is to keep it. */
function published(messages: readonly BoardMessage[]): string[] {
  return messages.map(({ bytes, to }) => {
    if (to.kind !== "publish") throw new Error("not for a broker");
    return `${to.topic}${to.isRetained ? "*" : ""} ${decodeUtf8(bytes)}`;
  });
}

function presenceOf({ presence }: MessageBoard): string[] {
  return published([...presence!.online, presence!.offline]);
}

describe("Zigbee2MQTT", () => {
  test("says all of a device in one object, in order of the alphabet", () => {
    const board = new Zigbee2MqttBoard("zigbee2mqtt/kitchen", ["temp", "rh"]);
    expect(board.address).toBe("mqtt:zigbee2mqtt/kitchen");
    expect(published(board.report(AIR, EIGHT))).toEqual([
      'zigbee2mqtt/kitchen {"battery":97,"humidity":66.6,"linkquality":80,"temperature":21.7,"voltage":2985}',
    ]);
    expect(published(board.report({ level: 3 }, EIGHT))).toEqual([]);
  });

  test("has volts and amperes of a plug, and no battery", () => {
    const board = new Zigbee2MqttBoard("home/plug");
    expect(
      published(board.report({ power: 460, energy: 12.345, "voltage-l1": 230.4 }, EIGHT)),
    ).toEqual([
      'home/plug {"current":2,"energy":12.35,"linkquality":80,"power":460,"voltage":230}',
    ]);
  });

  test("says who is there, to be kept", () => {
    expect(presenceOf(new Zigbee2MqttBoard("zigbee2mqtt/kitchen"))).toEqual([
      'zigbee2mqtt/bridge/state* {"state":"online"}',
      'zigbee2mqtt/kitchen/availability* {"state":"online"}',
      'zigbee2mqtt/kitchen/availability* {"state":"offline"}',
    ]);
  });
});

describe("Tasmota", () => {
  test("says a part for each sensor, time first, units last", () => {
    const board = new TasmotaBoard("kitchen");
    expect(board.address).toBe("mqtt:tele/kitchen/SENSOR");
    expect(published(board.report(AIR, EIGHT))).toEqual([
      'tele/kitchen/SENSOR {"Time":"2026-03-03T08:00:00","AM2301":{"Temperature":21.7,"Humidity":66.6,"DewPoint":15.2},' +
        '"MHZ19B":{"Model":"B","CarbonDioxide":424,"Temperature":25.7},"SDS0X1":{"PM2.5":4.9,"PM10":8.5},"TempUnit":"C"}',
    ]);
    expect(published(board.report({ temp: 21.7, rh: 66.6, pressure: 988.6 }, EIGHT))).toEqual([
      'tele/kitchen/SENSOR {"Time":"2026-03-03T08:00:00","BME280":{"Temperature":21.7,"Humidity":66.6,"DewPoint":15.2,"Pressure":988.6},"PressureUnit":"hPa","TempUnit":"C"}',
    ]);
    expect(published(new TasmotaBoard("kitchen", ["pm25", "pm10"]).report(AIR, EIGHT))).toEqual([
      'tele/kitchen/SENSOR {"Time":"2026-03-03T08:00:00","SDS0X1":{"PM2.5":4.9,"PM10":8.5}}',
    ]);
    expect(board.report({ temp: 3 }, EIGHT)).toEqual([]);
  });

  test("has a will, to be kept", () => {
    expect(presenceOf(new TasmotaBoard("kitchen"))).toEqual([
      "tele/kitchen/LWT* Online",
      "tele/kitchen/LWT* Offline",
    ]);
  });
});

describe("ESPHome", () => {
  test("says each value by itself, to be kept", () => {
    const board = new EsphomeBoard("yard");
    expect(board.address).toBe("mqtt:yard/sensor/+/state");
    expect(published(board.report(AIR))).toEqual([
      "yard/sensor/temperature/state* 21.7",
      "yard/sensor/humidity/state* 66.6",
      "yard/sensor/co2_value/state* 424",
      "yard/sensor/particulate_matter__2_5__m_concentration/state* 4.9",
      "yard/sensor/particulate_matter__10_0__m_concentration/state* 8.5",
    ]);
    expect(published(new EsphomeBoard("yard", ["rh"]).report({ rh: NaN }))).toEqual([
      "yard/sensor/humidity/state* nan",
    ]);
    expect(presenceOf(board)).toEqual(["yard/status* online", "yard/status* offline"]);
  });
});

describe("airRohr", () => {
  const posts = (board: AirRohrBoard, values: Record<string, number>): [string, unknown][] =>
    board
      .report(values)
      .map(({ bytes, to }) => [decodeUtf8(bytes)!, to.kind === "post" ? to.headers : undefined]);
  const OWN =
    '{"value_type":"samples","value":"4974213"},{"value_type":"min_micro","value":"28"},{"value_type":"max_micro","value":"20059"},{"value_type":"interval","value":"145000"},{"value_type":"signal","value":"-61"}';

  test("sends all to an own API, sensors' names in front", () => {
    const board = new AirRohrBoard(1234567, "custom");
    expect(board.address).toBe("push:esp8266-1234567");
    expect(posts(board, AIR)).toEqual([
      [
        '{"esp8266id": "1234567", "software_version": "NRZ-2020-133", "sensordatavalues":[{"value_type":"SDS_P1","value":"8.54"},{"value_type":"SDS_P2","value":"4.90"},' +
          `{"value_type":"temperature","value":"21.70"},{"value_type":"humidity","value":"66.60"},${OWN}]}`,
        {
          "User-Agent": "NRZ-2020-133/1234567",
          "Content-Type": "application/json",
          "X-Sensor": "esp8266-1234567",
        },
      ],
    ]);
    expect(posts(board, { level: 3 })).toEqual([]);
  });

  test("sends one message a sensor to sensor.community, with its pin", () => {
    const values = { ...AIR, pressure: 988.6, laeq: 58.3, lamin: 44.1, lamax: 77 };
    const sent = posts(new AirRohrBoard(7, "community"), values);
    expect(sent.map(([text]) => text)).toEqual([
      '{"software_version": "NRZ-2020-133", "sensordatavalues":[{"value_type":"P1","value":"8.54"},{"value_type":"P2","value":"4.90"}]}',
      '{"software_version": "NRZ-2020-133", "sensordatavalues":[{"value_type":"temperature","value":"21.70"},{"value_type":"pressure","value":"98860.00"},{"value_type":"humidity","value":"66.60"}]}',
      '{"software_version": "NRZ-2020-133", "sensordatavalues":[{"value_type":"noise_LAeq","value":"58.30"},{"value_type":"noise_LA_min","value":"44.10"},{"value_type":"noise_LA_max","value":"77.00"}]}',
    ]);
    expect(sent.map(([, headers]) => (headers as Record<string, string>)["X-PIN"])).toEqual([
      "1",
      "11",
      "15",
    ]);
  });
});
