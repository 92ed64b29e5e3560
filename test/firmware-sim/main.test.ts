/**
 * `kerbstone sim` as bin/ calls it.
 */
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { run } from "../../firmware-sim/main.ts";
import { ManualClock } from "../../platform/clock.ts";
import { nodeFiles } from "../../platform/files.ts";
import { MemoryFiles } from "../../platform/memory-files.ts";
import { seededRandom } from "../../platform/random.ts";
import { UserError } from "../../platform/user-error.ts";
import { testScope } from "../support/scope.ts";
import { assemble, HALT, hexFile, NOP, say, SERIAL_ON } from "./avr/assemble.ts";
import { BoardClient } from "./board-client.ts";

const scope = testScope();
const NEWPORT = fileURLToPath(
  new URL("../../firmware-sim/scenarios/newport.toml", import.meta.url),
);

interface Listening {
  event: string;
  name: string;
  board: string;
  address: string;
}

class Sim {
  readonly clock = new ManualClock(Date.UTC(2026, 2, 3, 8));
  readonly disk = new MemoryFiles();
  readonly #stop = new AbortController();
  stdout = "";
  stderr = "";
  code: Promise<number> = Promise.resolve(-1);

  begin(argv: string[], files: typeof nodeFiles = this.disk): this {
    this.code = run({
      argv,
      env: {},
      stdout: { write: (text) => (this.stdout += text) },
      stderr: { write: (text) => (this.stderr += text) },
      signal: this.#stop.signal,
      clock: this.clock,
      random: seededRandom(1),
      files,
      cwd: "/city",
    });
    scope.defer(() => this.end().catch(() => undefined));
    return this;
  }

  async end(): Promise<number> {
    this.#stop.abort();
    return this.code;
  }

  get events(): Listening[] {
    return this.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Listening);
  }

  /** Waits for the boards' addresses, which are printed together. */
  async addresses(): Promise<Listening[]> {
    while (!this.stdout.includes("tcp://")) await this.clock.advance(0);
    return this.events.filter((event) => event.event === "listening");
  }
}

async function faultOf(argv: string[], files: Record<string, string> = {}): Promise<string> {
  const sim = new Sim();
  await sim.disk.makeFolder("/city");
  for (const [name, text] of Object.entries(files))
    await sim.disk.write(`/city/${name}`, new TextEncoder().encode(text));
  const error: unknown = await sim.begin(argv).code.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(UserError);
  return (error as UserError).message;
}

describe("kerbstone sim", () => {
  test("runs the demonstration city until it is stopped", async () => {
    const sim = new Sim().begin(["--scenario", NEWPORT, "--json"], nodeFiles);
    const boards = await sim.addresses();
    expect(boards).toHaveLength(9);
    const clients = await Promise.all(
      boards.map(({ address }) => BoardClient.connect(scope, address)),
    );
    while (clients.some((client) => client.bytes.length < 20)) await sim.clock.advance(1000);
    for (const [at, { board }] of boards.entries()) {
      const beginning = String(clients[at]?.bytes.toString("latin1"));
      const head = { sds011: /^\xaa\xc0/, "nmea-gps": /^\$GNRMC,/, "line-board": /^[a-z0-9]+=/ }[
        board
      ];
      expect(beginning).toMatch(head ?? "no such board");
    }
    expect(await sim.end()).toBe(0);
    expect(sim.events.filter((event) => event.event === "ended")).toHaveLength(9);
    expect(sim.stderr).toBe("");
  });

  test("runs one board of the command line, and says its seed", async () => {
    const sim = new Sim().begin(["--board", "sds011", "--listen", "127.0.0.1:0", "--json"]);
    const [board] = await sim.addresses();
    expect(board).toMatchObject({ name: "sim", board: "sds011", stream: "air", everySeconds: 1 });
    expect(sim.events[0]).toEqual({ event: "seed", seed: expect.any(Number) as number });
    expect(await sim.end()).toBe(0);
  });

  test("plays a recording to its end and counts", async () => {
    const sim = new Sim();
    await sim.disk.makeFolder("/city");
    await sim.disk.write(
      "/city/pm.csv",
      new TextEncoder().encode("1767225600,1,2\n1767225660,,4\n1767225720,5,6\n"),
    );
    const argv = [
      "--board",
      "sds011",
      "--listen",
      "127.0.0.1:0",
      "--replay",
      "pm.csv",
      "--columns",
      "time=0,pm25=1,pm10=2",
    ];
    sim.begin([...argv, "--speed", "60"]);
    while (!sim.stdout.includes("tcp://")) await sim.clock.advance(0);
    const address = /tcp:\S+/.exec(sim.stdout)?.[0] ?? "";
    const client = await BoardClient.connect(scope, address);
    while (!sim.stdout.includes("ended")) await sim.clock.advance(1000);
    expect(await sim.code).toBe(0);
    expect((await client.toEnd()).length).toBe(20);
    expect(sim.stdout).toBe(
      `seed ${/seed (\d+)/.exec(sim.stdout)?.[1]}\nsim: sds011 at ${address}\nsim: ended after 20 bytes; 2 rows, 1 incomplete\n`,
    );
  });

  test("runs firmware, says what should be known of it, and ends with why it cannot go on", async () => {
    const sim = new Sim();
    await sim.disk.makeFolder("/city");
    const words = assemble([SERIAL_ON, say("h"), say("i"), say("!"), NOP]);
    await sim.disk.write("/city/hi.hex", new TextEncoder().encode(hexFile(words)));
    sim.begin(["--firmware", "hi.hex", "--listen", "127.0.0.1:0", "--seed", "1"]);
    while (!sim.stdout.includes("ended")) await sim.clock.advance(10);
    expect(await sim.code).toBe(1);
    const address = /tcp:\S+/.exec(sim.stdout)?.[0] ?? "";
    expect(sim.stdout).toBe(
      `seed 1\nsim: hi.hex at ${address}\nsim: ended after 1 bytes, 1 of them to nobody; 0.0 s of firmware, 0.0 % asleep\n`,
    );
    expect(sim.stderr).toMatch(
      /^sim: its serial port speaks at 9615 baud, 8N1\nsim: the firmware cannot go on: it ran into empty flash at 0x[0-9a-f]{4}\n$/,
    );
  });

  test("tells programs of firmware by events", async () => {
    const sim = new Sim();
    await sim.disk.makeFolder("/city");
    const words = assemble([SERIAL_ON, HALT]);
    await sim.disk.write("/city/idle.hex", new TextEncoder().encode(hexFile(words)));
    sim.begin(["--firmware", "idle.hex", "--listen", "127.0.0.1:0", "--json"]);
    while (!sim.stdout.includes("notice")) await sim.clock.advance(10);
    expect(await sim.end()).toBe(0);
    expect(sim.events.map(({ event }) => event)).toEqual([
      "seed",
      "listening",
      "ready",
      "notice",
      "ended",
    ]);
    expect(sim.events[1]).toMatchObject({ name: "sim", firmware: "idle.hex", stream: "air" });
    expect(sim.events[3]).toMatchObject({ text: "its serial port speaks at 9615 baud, 8N1" });
    expect(sim.events[4]).toMatchObject({ firmware: { watchdogResets: 0, skippedSeconds: 0 } });
  });

  test("prints help", async () => {
    const sim = new Sim().begin(["--help"]);
    expect(await sim.code).toBe(0);
    expect(sim.stdout).toContain("--replay FILE");
  });

  test.each([
    [
      ["--board", "sds012", "--listen", "127.0.0.1:0"],
      '--board: expected one of "sds011", "plantower", "mhz19", "nmea-gps", "p1-meter", "modbus-bus", "line-board", "zigbee2mqtt", "tasmota", "esphome", "airrohr", "rtsp-camera"; not "sds012"',
    ],
    [
      ["--board", "sds011"],
      "The board: expected an outlet, such as --listen 127.0.0.1:0; there is none",
    ],
    [
      ["--board", "sds011", "--listen", "x", "--every", "often"],
      '--every: expected seconds of 0.05 to 86400, such as 10; not "often"',
    ],
    [
      ["--board", "sds011", "--listen", "x:0", "--speed", "0"],
      "--speed: expected how many seconds pass in one, 0.001 or more, such as 60; not 0",
    ],
    [
      ["--board", "sds011", "--listen", "x:0", "--columns", "pm25=1,pm10=2"],
      "--replay: expected a path",
    ],
    [
      ["--board", "sds011", "--listen", "x:0", "--replay", "a.csv", "--columns", "pm25"],
      '--columns expects pairs such as a=b,c=d; not "pm25".',
    ],
    [
      ["--board", "sds011", "--listen", "x:0", "--fault", "kind=stall,share=2"],
      "--fault share: there is no such field",
    ],
    [
      ["--board", "sds011", "--listen", "x:0", "--baud", "9600"],
      "--baud: only a serial outlet has a baud rate",
    ],
    [
      ["--board", "sds011", "--listen", "x:0", "--loop"],
      "--loop and --step belong to --replay and --capture.",
    ],
    [
      ["--scenario", "city.toml", "--board", "sds011", "--loop"],
      "--board and --loop cannot stand beside --scenario.",
    ],
    [["--scenario", "none.toml"], "There is no file /city/none.toml."],
    [["--firmware", "none.hex", "--listen", "127.0.0.1:0"], "sim: there is no file none.hex"],
    [
      ["--firmware", "x.hex", "--listen", "x:0", "--adc", "A0=pm25"],
      "--adc A0: there are sensors for temp, rh, laeq, level, co2",
    ],
    [["--firmware", "x.hex", "--listen", "x:0", "--clock-hz", "1"], "--clock-hz: expected a freq"],
    [
      ["--board", "sds011", "--pty", "a", "--listen", "x:0"],
      "one outlet; there are listen and pty",
    ],
    [["--bord", "sds011"], "There is no flag --bord; did you mean --board?"],
  ])("says what is wrong with %j", async (argv, message) => {
    expect(await faultOf(argv)).toContain(message);
  });

  test("tells all faults of a scenario file in one message", async () => {
    const text =
      'speed = "fast"\n[[boards]]\nname = "a"\nboard = "sds011"\n[[boards]]\nname = "a"\nlisten = "127.0.0.1:0"\n';
    expect(await faultOf(["--scenario", "city.toml"], { "city.toml": text })).toBe(
      [
        "city.toml has 4 faults:",
        'speed: expected how many seconds pass in one, 0.001 or more, such as 60; not "fast"',
        'boards[0]: expected an outlet, such as listen = "127.0.0.1:0"; there is none',
        'boards[1].board: expected a board, such as "sds011"; it is missing',
        'boards[1].name: "a" is taken by boards[0]',
      ].join("\n"),
    );
  });
});

describe("a scenario file", () => {
  test.each([
    ["that has no end", "/dev/zero", "is a pipe or a device"],
    ["that is a folder", "/tmp", "is a folder"],
  ])("%s is refused in a sentence", async (_, path, message) => {
    const sim = new Sim().begin(["--scenario", path], nodeFiles);
    await expect(sim.code).rejects.toThrow(`${path} ${message}, and a file is needed there.`);
  });

  test("of more than two million bytes is no scenario", async () => {
    const files = { "big.toml": "#".repeat(2 * 1024 * 1024 + 1) };
    expect(await faultOf(["--scenario", "big.toml"], files)).toMatch(/more than 2097152 bytes\.$/);
  });
});
