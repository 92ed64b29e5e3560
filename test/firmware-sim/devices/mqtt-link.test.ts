/** One connection over a stream in memory, with packets split anywhere, and peers that are none. */
import { Buffer } from "node:buffer";
import { duplexPair } from "node:stream";
import { generate } from "mqtt-packet";
import { expect, test } from "vitest";
import { MqttLink } from "../../../firmware-sim/devices/mqtt-link.ts";

interface Heard {
  codes: number[];
  messages: [string, string][];
  closed: string[];
  packets: number;
}

function opened(): { link: MqttLink; hub: ReturnType<typeof duplexPair>[1]; heard: Heard } {
  const [ours, hub] = duplexPair();
  const heard: Heard = { codes: [], messages: [], closed: [], packets: 0 };
  const link = new MqttLink(ours, {
    heard: () => (heard.packets += 1),
    connected: (code) => heard.codes.push(code),
    message: (topic, body) => heard.messages.push([topic, new TextDecoder().decode(body)]),
    closed: (reason) => heard.closed.push(reason),
  });
  hub.resume();
  return { link, hub, heard };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("hears packets however they are split", async () => {
  const stream = Buffer.concat([
    generate({ cmd: "connack", returnCode: 0, sessionPresent: false }),
    generate({ cmd: "suback", messageId: 1, granted: [1, 0x80] }),
    generate({
      cmd: "publish",
      topic: "a/ack",
      payload: "{}",
      qos: 1,
      messageId: 7,
      retain: true,
      dup: false,
    }),
    generate({ cmd: "puback", messageId: 2 }),
    generate({ cmd: "pingresp" }),
  ]);
  for (let cut = 1; cut < stream.length; cut++) {
    const { link, hub, heard } = opened();
    let granted: readonly number[] = [];
    let isAcknowledged = false;
    link.subscribe(["a/ack", "b"], (each) => (granted = each));
    link.publish("a/statement", Uint8Array.of(1), { qos: 1, retain: false }, () => {
      isAcknowledged = true;
    });
    expect(link.underWay).toBe(1);
    hub.write(stream.subarray(0, cut));
    hub.write(stream.subarray(cut));
    await settled();
    expect(heard).toEqual({ codes: [0], messages: [["a/ack", "{}"]], closed: [], packets: 5 });
    expect(granted).toEqual([1, 0x80]);
    expect(isAcknowledged).toBe(true);
    expect(link.underWay).toBe(0);
    link.close("done");
  }
});

test.each<[string, Uint8Array, RegExp]>([
  ["noise", Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff), /^not MQTT|no broker/],
  ["a packet that only clients send", generate({ cmd: "pingreq" }), /^a pingreq packet/],
  [
    "a packet without end",
    Buffer.concat([Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0x7f), Buffer.alloc(1_100_000)]),
    /^a packet without end/,
  ],
])("ends at %s", async (_name, bytes, reason) => {
  const { hub, heard } = opened();
  hub.write(bytes);
  await settled();
  await settled();
  expect(heard.closed.length).toBe(1);
  expect(heard.closed[0]).toMatch(reason);
});

test("says once that it is over, and forgets who waits", async () => {
  const { link, hub, heard } = opened();
  let isAcknowledged = false;
  link.publish("a", Uint8Array.of(1), { qos: 1, retain: false }, () => (isAcknowledged = true));
  hub.end();
  await settled();
  link.close("again");
  link.publish("a", Uint8Array.of(1), { qos: 1, retain: false });
  link.ping();
  await settled();
  expect(heard.closed).toEqual(["closed by the hub"]);
  expect(isAcknowledged).toBe(false);
  expect(link.isClosed).toBe(true);
});
