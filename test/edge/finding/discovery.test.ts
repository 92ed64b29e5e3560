/** `edge init` without --sensor: ports are found and listened to, and what is recognised becomes the settings. */

import { Buffer } from "node:buffer";
import { beforeEach, expect, test } from "vitest";
import { loadEdgeConfig } from "../../../edge/settings/config.ts";
import type { EdgeConfig } from "../../../edge/settings/config.ts";
import { initEdge } from "../../../edge/commands/init-command.ts";
import { formatNmea } from "../../../firmware-sim/boards/nmea-gps.ts";
import { decodeBase64Url, decodeHex, encodeUtf8 } from "../../../ledger/bytes.ts";
import { formatVkey, TYPE_ED25519, vkeyOf } from "../../../ledger/note.ts";
import { nobleSigner } from "../../../ledger/signature.ts";
import { ManualClock } from "../../../platform/clock.ts";
import type { FolderLock } from "../../../platform/folder-lock.ts";
import { exitCodeOf } from "../../../platform/lifecycle.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import { seededRandom } from "../../../platform/random.ts";
import { UserError } from "../../../platform/user-error.ts";
import { connectToBoards } from "../sensors/scripted-board.ts";
import type { Board } from "../sensors/scripted-board.ts";

const ORIGIN = "kerbstone.example/test";
const VKEY = formatVkey(
  vkeyOf(ORIGIN, TYPE_ED25519, nobleSigner(new Uint8Array(32).fill(1)).publicKey),
);
const HUB = ["--origin", ORIGIN, "--vkey", VKEY, "--mqtt", "mqtts://hub.example:8883"];
const PLACE = ["--lat", "51.5", "--lon=-3"];
const SDS011 = decodeHex("aac0d4043a0aa1601dab")!;
const FIX = encodeUtf8(
  "$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n" +
    "$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\r\n",
);
const ID = "/dev/serial/by-id";

const dust: Board = { says: (baud) => (baud === 9600 ? SDS011 : Uint8Array.of(0xf0)) };
const receiver: Board = { says: (baud) => (baud === 4800 ? FIX : Uint8Array.of(0xf0)) };

let files: MemoryFiles;
let out: string;
let err: string;

beforeEach(async () => {
  files = new MemoryFiles();
  await files.makeFolder("/home");
  out = "";
  err = "";
});

/** Runs `edge init` on a machine with these boards, by the name of their port. */
async function init(
  boards: Record<string, Board>,
  argv: string[],
  options: { answers?: string[]; columns?: number; signal?: AbortSignal } = {},
): Promise<number> {
  const clock = new ManualClock(Date.parse("2026-12-01T12:00:00Z"));
  const paths = Object.keys(boards);
  const handling = { written: [], speeds: [] };
  const connectLine = connectToBoards(
    (address) => boards[address.kind === "serial" ? address.path : ""]!,
    clock,
    handling,
  );
  const names = {
    list: (folder: string) =>
      Promise.resolve(folder === ID ? paths.map((path) => path.slice(ID.length + 1)) : []),
    target: (path: string) =>
      Promise.resolve(paths.includes(path) ? `/dev/ttyUSB${paths.indexOf(path)}` : undefined),
  };
  const { answers, columns } = options;
  const lock = (): Promise<FolderLock> => Promise.resolve({ release: () => Promise.resolve() });
  const io = {
    argv,
    env: {},
    stdout: {
      write: (text: string) => (out += text),
      ...(columns === undefined ? {} : { isTTY: true, columns }),
    },
    stderr: { write: (text: string) => (err += text) },
    ...(answers === undefined ? {} : { stdin: saying(answers) }),
    signal: options.signal ?? new AbortController().signal,
    clock,
    random: seededRandom(1),
    files,
    cwd: "/home",
  };
  let code: number | undefined;
  const running = exitCodeOf(
    (given) => initEdge(given, ["--name", "air-1", ...HUB, ...argv], { names, connectLine, lock }),
    io,
  );
  void running.then((ended) => (code = ended));
  for (let turns = 0; turns < 4_000 && code === undefined; turns++) await clock.advance(100);
  if (code === undefined) throw new Error(`it did not end:\n${out}`);
  expect(err).not.toContain("internal error");
  return code;
}

async function* saying(answers: string[]): AsyncIterable<Uint8Array> {
  for (const answer of answers) yield await Promise.resolve(encodeUtf8(answer));
}

const settings = (): Promise<EdgeConfig> =>
  loadEdgeConfig({ file: "/home/air-1/edge.toml", env: {}, flags: {}, files });

test("listens at every port, proposes what it recognises, and goes on after a yes", async () => {
  const boards = { [`${ID}/usb-dust`]: dust, [`${ID}/usb-mute`]: {} };
  expect(await init(boards, PLACE, { answers: ["y\n"] })).toBe(0);
  expect(out).toContain(`${ID}/usb-dust: Nova SDS011 particle sensor, 9600 baud`);
  expect(out).toContain(`${ID}/usb-mute: left out: nothing is heard`);
  const { sensors } = await settings();
  expect(sensors).toMatchObject([{ stream: "air", driver: "sds011", address: `${ID}/usb-dust` }]);
  const claim = /kerbstone hub enrol (\S+)/.exec(out)![1]!;
  const request = JSON.parse(Buffer.from(decodeBase64Url(claim)!).toString()) as object;
  expect(request).toMatchObject({ name: "air-1", streams: ["air"], lat: 51.5, lon: -3 });
});

test("two sensors of one kind are two streams; a receiver says where the device stands", async () => {
  const boards = { [`${ID}/a`]: dust, [`${ID}/b`]: dust, [`${ID}/c`]: receiver };
  expect(await init(boards, ["--yes"])).toBe(0);
  const config = await settings();
  expect(config.sensors.map(({ stream }) => stream)).toEqual(["air", "air-2", "gps"]);
  expect(config.sensors[2]!.address).toBe(`serial:${ID}/c?baud=4800`);
  expect(config.position?.lat).toBeCloseTo(48.1173, 4);
  expect(config.position?.lon).toBeCloseTo(11.516667, 4);
});

test("the middle of what a receiver says is where the device stands, not its first word", async () => {
  let said = 0;
  const says = (baud: number): Uint8Array | undefined => {
    if (baud !== 9600) return undefined;
    said += 1;
    // The first two fixes are off by a kilometre.
    const lat = said <= 2 ? "5131.000" : `5130.00${said % 10}`;
    const time = `1200${String(said).padStart(2, "0")}`;
    return encodeUtf8(
      formatNmea(`GPGGA,${time},${lat},N,00300.000,W,1,08,0.9,45.4,M,46.9,M,,`) +
        formatNmea(`GPRMC,${time},A,${lat},N,00300.000,W,000.0,000.0,011226,,,A`),
    );
  };
  expect(await init({ [`${ID}/a`]: { says } }, ["--yes"])).toBe(0);
  const { position } = await settings();
  expect(said).toBeLessThan(12);
  expect(position!.lat).toBeCloseTo(51.5, 3);
  expect(position!.lon).toBeCloseTo(-3, 6);
});

test("a receiver without a fix does not hold up the others for ever, and the place is asked for", async () => {
  const says = (): Uint8Array =>
    encodeUtf8(
      formatNmea("GPGGA,120000,,,,,0,00,99.9,,M,,M,,") +
        formatNmea("GPRMC,120000,V,,,,,,,011226,,,N"),
    );
  expect(
    await init({ [`${ID}/a`]: { says } }, [], { answers: ["y\n", "51.588, -2.998\n", "y\n"] }),
  ).toBe(0);
  expect((await settings()).position).toMatchObject({ lat: 51.588, lon: -2.998 });
});

test("asks where the device stands when nobody has said it", async () => {
  const boards = { [`${ID}/a`]: dust };
  expect(await init(boards, [], { answers: ["y\n", "51.588, -2.998\n", "y\n"] })).toBe(0);
  expect((await settings()).position).toMatchObject({ lat: 51.588, lon: -2.998 });
});

test.each<[string, string[], string[] | undefined, string]>([
  ["a no", PLACE, ["n\n"], "not confirmed"],
  ["no answer", PLACE, [], "not confirmed"],
  ["nobody to ask", PLACE, undefined, "--yes"],
  ["a place that is none", [], ["y\n", "somewhere\n"], "--lat"],
  ["a place that is not confirmed", [], ["y\n", "51.588 -2.998\n", "n\n"], "--lat"],
])("%s makes nothing", async (_, argv, answers, text) => {
  const options = answers === undefined ? {} : { answers };
  expect(await init({ [`${ID}/a`]: dust }, argv, options)).toBe(2);
  expect(err).toContain(text);
  expect(await files.exists("/home/air-1")).toBe(false);
});

test("a machine without a sensor, and a port that is somebody else's", async () => {
  expect(await init({}, PLACE, { answers: ["y\n"] })).toBe(2);
  expect(out).toContain("no serial port");
  expect(err).toContain("No sensor was recognised");
  const busy = { fails: "Error: Permission denied, cannot open" };
  expect(await init({ [`${ID}/a`]: busy }, PLACE, { answers: ["y\n"] })).toBe(2);
  expect(out).toContain("dialout");
});

test("Ctrl-C while it listens is one sentence", async () => {
  const stop = new AbortController();
  const board: Board = {
    says: () => {
      stop.abort(new UserError("Stopped by SIGINT.", { exitCode: 130 }));
      return new Uint8Array(0);
    },
  };
  expect(await init({ [`${ID}/a`]: board }, PLACE, { signal: stop.signal })).toBe(130);
  expect(err).toBe("kerbstone: Stopped by SIGINT.\n");
  expect(await files.exists("/home/air-1")).toBe(false);
});

test("the claim as a QR code: in a terminal with room for it, or when asked for", async () => {
  const boards = { [`${ID}/a`]: dust };
  expect(await init(boards, [...PLACE, "--yes"], { columns: 120 })).toBe(0);
  const rows = out.split("\n").filter((line) => line.includes("\u001b[38;5;16"));
  // eslint-disable-next-line no-control-regex
  const plain = rows.map((row) => row.replaceAll(/\u001b\[[\d;]*m/g, ""));
  const width = plain[0]!.length;
  expect(plain.every((row) => row.length === width)).toBe(true);
  // Square, but for an odd last row: two modules a line.
  expect(Math.ceil(width / 2)).toBe(rows.length);
  // Quiet zone above, then the finder pattern's upper edge behind four modules of border.
  expect(plain[0]!.trim()).toBe("");
  expect(plain[2]!.startsWith("    █▀▀▀▀▀█ ")).toBe(true);
});

test("a window without room says so, and a pipe gets none", async () => {
  const boards = { [`${ID}/a`]: dust };
  expect(await init(boards, [...PLACE, "--yes"], { columns: 80 })).toBe(0);
  expect(out).toContain("too narrow");
  await files.remove("/home/air-1/edge.toml");
  out = "";
  expect(await init(boards, [...PLACE, "--yes"])).toBe(0);
  expect(out).not.toContain("QR");
  expect(out).not.toContain("scanned");
});
