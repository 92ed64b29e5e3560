/** Addresses of lines, good and bad. */
import { describe, expect, test } from "vitest";
import { parseLineAddress } from "../../../../edge/sensors/lines/address.ts";

const PORT = { kind: "serial", baudRate: 9600, dataBits: 8, parity: "none", stopBits: 1 };

describe("a serial port", () => {
  test.each([
    ["/dev/ttyUSB0", { ...PORT, path: "/dev/ttyUSB0" }],
    ["serial:/dev/ttyUSB0", { ...PORT, path: "/dev/ttyUSB0" }],
    ["serial:/dev/ttyUSB0?baud=4800", { ...PORT, path: "/dev/ttyUSB0", baudRate: 4800 }],
    [
      "/dev/ttyS1?mode=7E2",
      { ...PORT, path: "/dev/ttyS1", dataBits: 7, parity: "even", stopBits: 2 },
    ],
    [
      "/dev/ttyS1?mode=8O1&baud=115200",
      { ...PORT, path: "/dev/ttyS1", parity: "odd", baudRate: 115200 },
    ],
    [
      "/dev/serial/by-path/pci-0:1.2:1.0-port0",
      { ...PORT, path: "/dev/serial/by-path/pci-0:1.2:1.0-port0" },
    ],
  ])("%s", (text, address) => {
    expect(parseLineAddress(text)).toEqual(address);
  });

  test("has the driver's speed where it does not say its own", () => {
    expect(parseLineAddress("/dev/ttyUSB0", 4800)).toMatchObject({ baudRate: 4800 });
    expect(parseLineAddress("/dev/ttyUSB0?baud=1200", 4800)).toMatchObject({ baudRate: 1200 });
  });
});

describe("a converter", () => {
  test.each([
    ["tcp://10.0.0.7:4001", "10.0.0.7", 4001],
    ["tcp://converter.example:23/", "converter.example", 23],
    ["tcp://[fe80::1]:4001", "fe80::1", 4001],
  ])("%s", (text, host, port) => {
    expect(parseLineAddress(text)).toEqual({ kind: "tcp", host, port });
  });
});

describe("messages and pushes", () => {
  test.each([
    ["mqtt:zigbee2mqtt/kitchen", { kind: "mqtt", filter: "zigbee2mqtt/kitchen" }],
    ["mqtt:garden/+/air/#", { kind: "mqtt", filter: "garden/+/air/#" }],
    ["mqtt:/leading", { kind: "mqtt", filter: "/leading" }],
    ["mqtt:#", { kind: "mqtt", filter: "#" }],
    ["push:esp8266-1234567", { kind: "push", board: "esp8266-1234567" }],
    ["push:my.board_2", { kind: "push", board: "my.board_2" }],
  ])("%s", (text, address) => {
    expect(parseLineAddress(text)).toEqual(address);
  });
});

describe("is no address", () => {
  test.each([
    "mqtt:",
    "mqtt:a/#/b",
    "mqtt:a+/b",
    "mqtt://broker:1883",
    "mqtt://user:secret@broker",
    "push:",
    "push:a/b",
    "push:-a",
    "push:a b",
    `push:${"a".repeat(65)}`,
    "",
    "ttyUSB0",
    "serial:",
    "serial:ttyUSB0",
    "/dev/tty\0USB0",
    "/dev/ttyUSB0?baud=fast",
    "/dev/ttyUSB0?baud=",
    "/dev/ttyUSB0?baud=9600.5",
    "/dev/ttyUSB0?baud=49",
    "/dev/ttyUSB0?baud=9600&baud=4800",
    "/dev/ttyUSB0?baud=9600?mode=8N1",
    "/dev/ttyUSB0?speed=9600",
    "/dev/ttyUSB0?mode=9N1",
    "/dev/ttyUSB0?mode=8X1",
    "/dev/ttyUSB0?mode=8n1",
    "tcp://host",
    "tcp://host:0",
    "tcp://host:65536",
    "tcp://:4001",
    "tcp://user@host:4001",
    "tcp://host:4001/path",
    "tcp://host:4001?x",
    "tcp://host:4001#x",
    "udp://host:4001",
    "http://host:4001",
  ])("%j", (text) => {
    expect(parseLineAddress(text)).toBeUndefined();
  });
});
