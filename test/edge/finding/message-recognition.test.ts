/** Which board sends messages: by shape, by topic, and not at all. */
import { expect, test } from "vitest";
import { DRIVERS } from "../../../edge/sensors/drivers/drivers.ts";
import { formatMessage } from "../../../edge/sensors/framers/message.ts";
import { MessageEar } from "../../../edge/finding/message-recognition.ts";
import { encodeUtf8 } from "../../../ledger/bytes.ts";

function ear(line: "mqtt" | "push" = "mqtt"): MessageEar {
  return new MessageEar([...DRIVERS.values()], line, { notBeforeMs: 0 });
}

function hear(listener: MessageEar, topic: string, payload: string, isRetained = false): void {
  listener.hear(formatMessage(topic, encodeUtf8(payload), isRetained)!, 0);
}

test.each([
  ["zigbee2mqtt/kitchen", '{"temperature":20}', "zigbee2mqtt"],
  ["home/zigbee2mqtt/kitchen", '{"temperature":20}', "zigbee2mqtt"],
  ["home/kitchen", '{"temperature":20,"linkquality":99}', "zigbee2mqtt"],
  ["tele/yard/SENSOR", '{"AM2301":{"Temperature":20,"Humidity":40}}', "tasmota"],
  ["yard/sensor/temperature/state", "20.5", "esphome"],
])("at %s %s is %s, also where the broker had kept it", (topic, payload, expected) => {
  for (const isRetained of [false, true]) {
    const listener = ear();
    hear(listener, topic, payload, isRetained);
    expect(listener.recognised()?.kind.name).toBe(expected);
    expect(listener.recognised()?.quantities).toContain("temp");
  }
});

test("a push is of a board of sensor.community", () => {
  const listener = ear("push");
  hear(listener, "esp8266-1", '{"sensordatavalues":[{"value_type":"SDS_P1","value":"12.30"}]}');
  expect(listener.recognised()).toMatchObject({ kind: { name: "airrohr" }, quantities: ["pm10"] });
});

test.each([
  ["garden/x", '{"temperature":20}'],
  ["zigbee2mqtt/kitchen", '{"temperature":null}'],
  ["zigbee2mqtt/bridge/info", '{"temperature":20}'],
  ["yard/status", "online"],
])("at %s %s nobody is recognised", (topic, payload) => {
  const listener = ear();
  hear(listener, topic, payload);
  expect(listener.recognised()).toBeUndefined();
});

test("numbers that nobody takes are named by their places, the newest of each", () => {
  const listener = ear();
  hear(listener, "g/a", '{"temperature":20,"pm2.5":3,"deep":[{"odd/one":1}],"text":"7","no":null}');
  hear(listener, "g/a", '{"temperature":21}');
  hear(listener, "g/hum/state", "48");
  expect(listener.strangeValues()).toEqual([
    { topic: "g/a", path: "/temperature", value: 21, quantity: "temp" },
    { topic: "g/a", path: "/pm2.5", value: 3, quantity: "pm25" },
    { topic: "g/a", path: "/deep/0/odd~1one", value: 1, quantity: undefined },
    { topic: "g/hum/state", path: "", value: 48, quantity: "rh" },
  ]);
});
