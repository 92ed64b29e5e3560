/** The `[lan]` of the settings, and what must hold between it and the sensors. */
import { beforeEach, describe, expect, test } from "vitest";
import { loadEdgeConfig } from "../../../edge/settings/config.ts";
import { checkLan, lineAddressOf, openLan, viaOf } from "../../../edge/settings/lan.ts";
import { DRIVERS } from "../../../edge/sensors/drivers/drivers.ts";
import { encodeUtf8 } from "../../../ledger/bytes.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";

let files: MemoryFiles;

beforeEach(async () => {
  files = new MemoryFiles();
  await files.makeFolder("/home");
});

const HEAD = `
name = "air-1"
origin = "kerbstone.example/newport"
[hub]
mqtt = "mqtts://hub.example"
vkey = "x"
`;

function sensor(stream: string, driver: string, address: string, more = ""): string {
  return `[[sensors]]\nstream = "${stream}"\ndriver = "${driver}"\naddress = "${address}"\n${more}\n`;
}

/** What is wrong with the settings, without the examples; empty where nothing is. */
async function faultsOf(...tables: string[]): Promise<string> {
  await files.write("/home/edge.toml", encodeUtf8([HEAD, ...tables].join("\n")));
  return loadEdgeConfig({ file: "/home/edge.toml", env: {}, flags: {}, files }).then(
    () => "",
    (error: unknown) => (error as Error).message,
  );
}

const BROKER = '[lan]\nbroker = "mqtt://192.168.1.2"\npush = "0.0.0.0:8093"\n';
const KITCHEN = sensor("air", "zigbee2mqtt", "mqtt:zigbee2mqtt/kitchen");

describe("settings with sensors on the LAN", () => {
  test("hold where everything is there", async () => {
    const all = [
      BROKER,
      KITCHEN,
      sensor("yard", "tasmota", "mqtt:tele/yard/SENSOR"),
      sensor("roof", "airrohr", "push:esp8266-1"),
      sensor(
        "own",
        "json",
        "push:own",
        '[sensors.options]\nvalues = [{ quantity = "temp", path = "/t" }]',
      ),
      sensor("dust", "sds011", "/dev/ttyUSB0"),
      sensor("dust", "mhz19", "/dev/ttyUSB1"),
    ];
    expect(await faultsOf(...all)).toBe("");
  });

  test.each([
    [
      "no broker",
      [KITCHEN],
      /lan\.broker: not set; mqtt:zigbee2mqtt\/kitchen is a topic of this broker/,
    ],
    [
      "no push address",
      [sensor("a", "airrohr", "push:x")],
      /lan\.push: not set; the board of push:x pushes to it/,
    ],
    [
      "a driver of messages on a wire",
      [sensor("a", "tasmota", "/dev/ttyUSB0")],
      /tasmota needs messages, mqtt:TOPIC/,
    ],
    [
      "a driver of wires at a topic",
      [BROKER, sensor("a", "sds011", "mqtt:x")],
      /sds011 needs a serial port or tcp:/,
    ],
    [
      "pushes of a driver of messages",
      [BROKER, sensor("a", "esphome", "push:x")],
      /esphome needs messages/,
    ],
    [
      "messages for the driver of pushes",
      [BROKER, sensor("a", "airrohr", "mqtt:x")],
      /airrohr needs pushes, push:BOARD/,
    ],
    [
      "a shared stream",
      [BROKER, KITCHEN, sensor("air", "sds011", "/dev/ttyUSB0")],
      /sensors\[0\]: a board of the LAN needs a stream of its own/,
    ],
    [
      "two boards in one stream",
      [BROKER, KITCHEN, sensor("air", "airrohr", "push:x")],
      /sensors\[1\]: a board/,
    ],
    [
      "a stream that a Modbus register has as well",
      [
        BROKER,
        KITCHEN,
        sensor(
          "bus",
          "modbus",
          "/dev/ttyUSB0",
          '[[sensors.options.units]]\nid = 1\nregisters = [{ register = 0, quantity = "temp", stream = "air" }]',
        ),
      ],
      /sensors\[0\]: a board/,
    ],
    [
      "an endless topic",
      [BROKER, sensor("a", "zigbee2mqtt", `mqtt:${"x".repeat(250)}`)],
      /driver and topic go into every pack/,
    ],
    [
      "a topic that is none",
      [BROKER, sensor("a", "zigbee2mqtt", "mqtt:a/#/b")],
      /expected a serial port's path, .* mqtt:TOPIC or push:BOARD/,
    ],
  ])("are refused with a sentence: %s", async (_, tables, expected) => {
    expect(await faultsOf(...tables)).toMatch(expected);
  });
});

test("a table that did not come from a file is checked in the same way", () => {
  expect(
    checkLan({ broker: "mqtts://b:1", username: "u", passwordFile: "p", ca: "c" }),
  ).toBeDefined();
  expect(checkLan({})).toEqual({});
  for (const [lan, expected] of [
    [{ broker: "http://b" }, /expected mqtt:/],
    [{ broker: "mqtt://user:secret@b" }, /without a password/],
    [{ broker: "mqtt://b/path" }, /expected mqtt:/],
    [{ broker: "b:1883" }, /expected mqtt:/],
    [{ push: "here" }, /expected host:port/],
    [{ broker: "mqtt://b", passwordFile: "p" }, /passwordFile: it goes with username/],
    [{ username: "u" }, /username: it goes with broker/],
    [{ broker: "mqtt://b", ca: "c" }, /ca: it goes with a broker at mqtts/],
    [{ push: "1", pushUsername: "u" }, /pushUsername: it goes with pushPasswordFile/],
    [{ push: "1", pushPasswordFile: "p" }, /pushPasswordFile: it goes with pushUsername/],
    [{ pushUsername: "u", pushPasswordFile: "p" }, /pushUsername: it goes with push,/],
    [{ push: "1", pushUsername: "a:b", pushPasswordFile: "p" }, /without a colon/],
  ] as const)
    expect(() => checkLan(lan)).toThrow(expected);
});

describe("files that the table names", () => {
  const LAN = {
    broker: "mqtts://b",
    username: "u",
    passwordFile: "broker.password",
    ca: "ca.pem",
    push: "0.0.0.0:8093",
    pushUsername: "boards",
    pushPasswordFile: "/etc/push.password",
  };

  async function write(path: string, text: string, mode = 0o600): Promise<void> {
    await files.makeFolder(path.slice(0, path.lastIndexOf("/")));
    await files.write(path, encodeUtf8(text), { mode });
  }

  test("are read, without the end of their line", async () => {
    await write("/home/broker.password", "secret \r\n");
    await write("/home/ca.pem", "PEM", 0o644);
    await write("/etc/push.password", "other");
    expect(await openLan(files, LAN, "/home")).toEqual({
      broker: { url: "mqtts://b", username: "u", password: "secret ", ca: encodeUtf8("PEM") },
      push: {
        listen: { host: "0.0.0.0", port: 8093 },
        login: { username: "boards", password: "other" },
      },
    });
    expect(await openLan(files, {}, "/home")).toEqual({});
  });

  test.each([
    ["is not there", async () => undefined, /There is no password file \/home\/broker\.password/],
    [
      "can be read by others",
      () => write("/home/broker.password", "x", 0o640),
      /can be read by others \(mode 0640\)/,
    ],
    ["is empty", () => write("/home/broker.password", "\n"), /holds no password/],
    ["is no text", () => write("/home/broker.password", "a\u0000b"), /holds no password/],
    ["is two lines", () => write("/home/broker.password", "a\nb\n"), /holds no password/],
    ["is endless", () => write("/home/broker.password", "x".repeat(2000)), /holds no password/],
  ])("are refused where one %s", async (_, make, expected) => {
    await make();
    await expect(openLan(files, LAN, "/home")).rejects.toThrow(expected);
  });

  test("are refused where the authority is not there", async () => {
    await write("/home/broker.password", "x");
    await expect(openLan(files, LAN, "/home")).rejects.toThrow("There is no file /home/ca.pem.");
  });
});

test("packs say the driver and what stands behind the address, and nothing of sensors of one's own", () => {
  expect(viaOf({ driver: "airrohr", address: "push:esp8266-1" })).toBe("airrohr:esp8266-1");
  expect(viaOf({ driver: "json", address: "mqtt:a/+/b" })).toBe("json:a/+/b");
  expect(viaOf({ driver: "json", address: "/dev/ttyUSB0" })).toBeUndefined();
  expect(viaOf({ driver: "json", address: "tcp://h:1" })).toBeUndefined();
});

test("a line has its driver's speed, or hears besides what its driver needs", () => {
  const kind = (name: string): NonNullable<ReturnType<typeof DRIVERS.get>> => DRIVERS.get(name)!;
  expect(lineAddressOf(kind("dsmr"), "/dev/ttyUSB0")).toMatchObject({ baudRate: 115_200 });
  expect(lineAddressOf(kind("tasmota"), "mqtt:tele/a/SENSOR")).toEqual({
    kind: "mqtt",
    filter: "tele/a/SENSOR",
    besides: ["tele/a/LWT"],
  });
  expect(lineAddressOf(kind("json"), "mqtt:a")).toEqual({ kind: "mqtt", filter: "a" });
});
