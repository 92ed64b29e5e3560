/** `edge test-sensor` over lines in memory: what is recognised, what is said where nothing fits, what is written. */

import { Buffer } from "node:buffer";
import { expect, test } from "vitest";
import { testSensor } from "../../../edge/commands/test-sensor-command.ts";
import { decodeHex, encodeHex, encodeUtf8 } from "../../../ledger/bytes.ts";
import { ManualClock } from "../../../platform/clock.ts";
import { exitCodeOf } from "../../../platform/lifecycle.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import { seededRandom } from "../../../platform/random.ts";
import { connectToBoards } from "../sensors/scripted-board.ts";
import type { Board, Handling } from "../sensors/scripted-board.ts";

const SDS011 = decodeHex("aac0d4043a0aa1601dab")!;
const GGA = encodeUtf8("$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n");
const WAKE = "aab406010100000000000000000000ffff06ab";

interface Outcome extends Handling {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(board: Board, argv: string[]): Promise<Outcome> {
  const clock = new ManualClock(Date.parse("2026-12-01T12:00:00Z"));
  const handling: Handling = { written: [], speeds: [] };
  const connect = connectToBoards(() => board, clock, handling);
  let out = "";
  let err = "";
  let code: number | undefined;
  const io = {
    argv,
    env: {},
    stdout: { write: (text: string) => (out += text) },
    stderr: { write: (text: string) => (err += text) },
    signal: new AbortController().signal,
    clock,
    random: seededRandom(1),
    files: new MemoryFiles(),
    cwd: "/",
  };
  void exitCodeOf((given) => testSensor(given, argv, connect), io).then((ended) => (code = ended));
  for (let turns = 0; turns < 4_000 && code === undefined; turns++) await clock.advance(100);
  if (code === undefined) throw new Error(`it did not end:\n${out}`);
  return { code, out, err, ...handling };
}

const at =
  (speed: number, bytes: Uint8Array) =>
  (baudRate: number): Uint8Array =>
    baudRate === speed ? bytes : Uint8Array.of(0xfe, 0x80, 0x00, 0xfe);

test("recognises a sensor at its usual speed, proposes its settings, shows what it says", async () => {
  const { code, out, speeds } = await run({ says: at(9600, SDS011) }, ["/dev/ttyUSB0"]);
  expect(code).toBe(0);
  expect(out).toContain("This is a Nova SDS011 particle sensor at 9600 baud");
  expect(out).toContain(
    '[[sensors]]\nstream = "air"\ndriver = "sds011"\naddress = "/dev/ttyUSB0"\n',
  );
  // Its fan has only just begun to turn.
  expect(out).toContain("pm25 123.6 ug/m3 (warming up), pm10 261.8 ug/m3 (warming up)");
  expect(out).toMatch(/\d+ frames good, 0 bad, 0 bytes skipped/);
  expect(new Set(speeds)).toEqual(new Set([9600]));
});

test("finds the speed of a receiver, and writes it into the settings", async () => {
  const { code, out } = await run({ says: at(4800, GGA) }, ["/dev/ttyUSB0", "--seconds", "1"]);
  expect(code).toBe(0);
  expect(out).toContain('stream = "gps"');
  expect(out).toContain('address = "serial:/dev/ttyUSB0?baud=4800"');
});

test("a home-made board at 115200 baud", async () => {
  const line = encodeUtf8("temp=21.5 rh=40\r\n");
  const { code, out } = await run({ says: at(115_200, line) }, ["/dev/ttyACM0"]);
  expect(code).toBe(0);
  expect(out).toContain('driver = "line-protocol"');
  expect(out).toContain("baud=115200");
});

test("a converter has no speed to be tried, and a given speed is the only one", async () => {
  const tcp = await run({ says: () => SDS011 }, ["tcp://10.0.0.7:4001", "--seconds=1"]);
  expect([tcp.code, tcp.speeds]).toEqual([0, [0, 0]]);
  expect(tcp.out).toContain('address = "tcp://10.0.0.7:4001"');
  const fixed = await run({}, ["/dev/ttyUSB0", "--baud", "2400", "--listen-only"]);
  expect([fixed.code, fixed.speeds]).toEqual([1, [2400]]);
});

test("nothing is written while anything is heard, nor with --listen-only", async () => {
  const noise = await run({ says: () => Uint8Array.of(1, 2, 3) }, ["/dev/ttyUSB0"]);
  expect([noise.code, noise.written]).toEqual([1, []]);
  const quiet = await run({}, ["/dev/ttyUSB0", "--listen-only"]);
  expect([quiet.code, quiet.written]).toEqual([1, []]);
  expect(quiet.out).toContain("Nothing at all was heard");
});

test("a sensor that sleeps is asked, and wakes", async () => {
  let isAwake = false;
  const board: Board = {
    says: (baudRate) => (isAwake && baudRate === 9600 ? SDS011 : undefined),
    answers: (bytes) => {
      if (encodeHex(bytes) === WAKE) isAwake = true;
      return undefined;
    },
  };
  const { code, out } = await run(board, ["/dev/ttyUSB0", "--driver", "sds011", "--seconds=1"]);
  expect(code).toBe(0);
  expect(out).toContain("Asking whether it is a Nova SDS011");
});

test.each([
  [{ says: () => encodeUtf8("hello, I am a teapot\r\n") }, '"hello, I am a teapot', "text that no"],
  [{ says: () => Uint8Array.of(0xde, 0xad, 0xbe, 0xef) }, "de ad be ef", "another mode"],
  [{}, "Nothing at all was heard", "Asked without an answer"],
])("says clearly what it hears when nothing fits: %#", async (board, quoted, guess) => {
  const { code, out } = await run(board, ["/dev/ttyUSB0"]);
  expect(code).toBe(1);
  expect(out).toContain(quoted);
  expect(out).toContain(guess);
});

test.each([
  ["Error: Permission denied, cannot open /dev/ttyUSB0", "dialout"],
  ["Error: No such file or directory, cannot open /dev/ttyUSB0", "by-id"],
  ["Error Resource temporarily unavailable Cannot lock port", "in use by another program"],
])("a port that cannot be opened: %s", async (fails, text) => {
  const { code, err } = await run({ fails }, ["/dev/ttyUSB0"]);
  expect(code).toBe(2);
  expect(err).toContain(text);
  expect(err).not.toContain("internal error");
});

test.each([
  [["ttyUSB0"], "is no address: a serial port's path"],
  [["/dev/ttyUSB0", "--driver", "teapot"], "no driver teapot"],
  [["/dev/ttyUSB0", "--baud", "fast"], "is no address: a serial port's path"],
  [["/dev/ttyUSB0", "--seconds", "-1"], "--seconds"],
  [[], "missing: a port, such as"],
  [["mqtt:a/#/b"], "is no address"],
  [["mqtt:a"], "Where is the broker of mqtt:a?"],
  [["push:a"], "Where does the board of push:a push to?"],
  [["push:a", "--push", "127.0.0.1:1", "--push-username", "x"], "goes with pushPasswordFile"],
  [["mqtt:a", "--broker", "mqtt://b", "--driver", "sds011"], "has no such lines"],
  [["mqtt:a", "--broker", "mqtt://b", "--driver", "json"], "needs options"],
  [["/dev/ttyUSB0", "--driver", "tasmota"], "has no such lines"],
])("%j is one clear sentence", async (argv, text) => {
  const { code, err } = await run({}, argv);
  expect(code).toBe(2);
  expect(err).toContain(text);
});

test("a line of JSON on a wire is not taken for a board of the LAN", async () => {
  const line = encodeUtf8('{"topic":"zigbee2mqtt/kitchen","payload":{"temperature":20.5}}\n');
  const { code, out } = await run({ says: () => line }, ["tcp://10.0.0.7:4001"]);
  expect(code).toBe(1);
  expect(out).toContain("What comes is text that no driver takes");
  expect(out).toContain("Not tried, since they need options: json, modbus");
});

test("noise before, between and after frames does not hide a sensor", async () => {
  const noise = Buffer.from("00aaff42", "hex");
  const { code } = await run({ says: () => Buffer.concat([noise, SDS011, noise]) }, ["/dev/ttyS0"]);
  expect(code).toBe(0);
});
