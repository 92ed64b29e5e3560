import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseScenario, readScenario } from "../../../firmware-sim/scenario/scenario.ts";
import type { Scenario } from "../../../firmware-sim/scenario/station-plan.ts";

function good(text: string): Scenario {
  const scenario = parseScenario(text);
  if (Array.isArray(scenario)) throw new Error(scenario.join("\n"));
  return scenario;
}

const BOARD = '[[boards]]\nname = "a"\nboard = "sds011"\nlisten = "127.0.0.1:0"\n';

describe("a scenario", () => {
  test("fills in what is usual", () => {
    expect(good(BOARD)).toEqual({
      city: { timeZone: "UTC", roads: [] },
      speed: 1,
      stations: [
        {
          kind: "board",
          name: "a",
          stream: "air",
          everySeconds: 1,
          board: "sds011",
          details: {},
          feed: { kind: "model", model: "air", settings: {} },
          outlet: { kind: "tcp", host: "127.0.0.1", port: 0 },
          faults: [],
        },
      ],
    });
  });

  test("holds replays, captures and faults", () => {
    const { stations } = good(`
      seed = "x"
      start = "2026-03-02T07:00:00Z"
      [[boards]]
      name = "replayed"
      board = "sds011"
      serial = "/dev/ttyX"
      replay = { file = "pm.csv", columns = { time = 0, pm25 = "PM 2.5*0.1", pm10 = 2 }, where = { site = "A" }, speed = 60, loop = true }
      [[boards.faults]]
      kind = "garbage"
      share = 0.1
      afterSeconds = 5
      [[boards]]
      name = "captured"
      listen = "[::1]:0"
      capture = { file = "frames.hexdump" }
    `);
    expect(stations[0]).toMatchObject({
      outlet: { kind: "serial", path: "/dev/ttyX", baud: 9600 },
      feed: {
        kind: "replay",
        mapping: {
          time: 0,
          quantities: [
            { quantity: "pm25", column: "PM 2.5", factor: 0.1 },
            { quantity: "pm10", column: 2, factor: 1 },
          ],
          where: [{ column: "site", text: "A" }],
        },
        speed: 60,
        loop: true,
      },
      faults: [{ kind: "garbage", share: 0.1, bytesMax: 16, afterMs: 5000 }],
    });
    expect(stations[1]).toMatchObject({
      stream: "replay",
      outlet: { kind: "tcp", host: "::1", port: 0 },
      feed: { kind: "capture", format: "hexdump", stepMs: 1000, loop: false },
    });
  });

  test("tells all faults of a file at once, each with its place and what was expected", () => {
    const faults = parseScenario(`
      seed = -1
      timeZone = "Europe/Newport"
      speeed = 2
      [[roads]]
      name = "kingsway"
      vehiclesPerHour = "many"
      freeSpeed = 13
      [[boards]]
      name = "Air 1"
      board = "sds011"
      model = "noise"
      lat = 151
      listen = "127.0.0.1"
      [[boards]]
      name = "two"
      board = "sds012"
      listen = "127.0.0.1:7000"
      serial = "/dev/ttyX"
      [[boards]]
      name = "two"
      board = "line-board"
      road = "high-street"
      dialect = "ublox"
      listen = "127.0.0.1:7000"
      [[boards]]
      name = "four"
      board = "sds011"
      listen = "127.0.0.1:0"
      replay = { file = "x.csv", columns = { time = 0, pm25 = 1 }, speed = 0 }
      [[boards.faults]]
      kind = "explosion"
      [[boards.faults]]
      kind = "stall"
      everySeconds = 5
      [[boards]]
      name = "five"
      board = "nmea-gps"
      settings = { height = 3 }
    `);
    expect(faults).toEqual([
      "seed: expected a whole number or a text, such as 7; not -1",
      'timeZone: expected a time zone, such as "Europe/London"; not "Europe/Newport"',
      'roads[0].vehiclesPerHour: expected vehicles an hour, such as 1200; not "many"',
      'boards[0].name: expected a name of a-z, 0-9 and "-", such as "air-castle"; not "Air 1"',
      "boards[0].lat: expected degrees of latitude, such as 51.5877; not 151",
      'boards[0].listen: expected an address and port, such as "127.0.0.1:0" (0 takes a free port); not "127.0.0.1"',
      'boards[1].board: expected one of "sds011", "plantower", "mhz19", "nmea-gps", "p1-meter", "modbus-bus", "line-board", "zigbee2mqtt", "tasmota", "esphome", "airrohr", "rtsp-camera"; not "sds012"',
      "boards[3].replay.speed: expected how many seconds pass in one, 0.001 or more, such as 60; not 0",
      'boards[3].faults[0].kind: expected one of "bit-flips", "split", "merge", "duplicate", "garbage", "stall", "delay", "unplug", "stuck", "drift", "clock-jump", "reboot", "brown-out"; not "explosion"',
      "speeed: there is no such field; did you mean speed?",
      'boards[0].model: sds011 needs pm25; "noise" measures laeq, lamax, lamin',
      'boards[0].model: sds011 needs pm10; "noise" measures laeq, lamax, lamin',
      "boards[0].lon: expected lat and lon, or neither; it is missing",
      "boards[1]: expected one outlet; there are listen and serial",
      "boards[2]: expected model, replay or capture for line-board; there is none",
      "boards[2].dialect: only plantower, nmea-gps, p1-meter, airrohr have it, and this is line-board",
      'boards[2].road: expected the name of one of the roads; there is no "high-street"',
      "boards[3].replay.columns: sds011 needs a column for pm10; there is none",
      "boards[3].faults[1].everySeconds: expected forSeconds beside it, and shorter",
      'boards[4]: expected an outlet, such as listen = "127.0.0.1:0"; there is none',
      'boards[4].settings.height: "position" has altitude, spread',
      'boards[4].lat: expected degrees for "position"; it is missing',
      'boards[4].lon: expected degrees for "position"; it is missing',
      'boards[2].name: "two" is taken by boards[1]',
      'boards[2].listen: "127.0.0.1:7000" is taken by boards[1]',
    ]);
  });

  test.each([
    ["", ["boards: expected a list of boards, [[boards]]; it is missing"]],
    ["boards = 3", ["boards: expected a list of boards, [[boards]]; not 3"]],
    ["boards = []", ["boards: expected one board at least, [[boards]]; not []"]],
    [
      `${BOARD}replay = { file = "x", columns = {} }`,
      [
        "boards[0].replay.columns: expected a column for a quantity, such as pm25 = 3; there is none",
      ],
    ],
    [
      `${BOARD}replay = { file = "x", columns = { "PM" = 1, pm25 = 2, pm10 = 3 } }`,
      ["boards[0].replay.columns.PM: the name of a quantity is expected, such as pm25"],
    ],
  ])("that holds nothing usable says so: %j", (text, faults) => {
    expect(parseScenario(text)).toEqual(faults);
  });

  test("holds Modbus units, and dialects of each board", () => {
    const { stations } = good(`
      [[boards]]
      name = "pumps"
      board = "modbus-bus"
      model = "water"
      listen = "127.0.0.1:0"
      [[boards.units]]
      id = 17
      registers = [{ register = 4, quantity = "level", type = "i16", scale = 0.01, kind = "input" }]
      [[boards]]
      name = "dust"
      board = "plantower"
      dialect = "pms5003st"
      listen = "127.0.0.1:0"
    `);
    expect(stations[0]).toMatchObject({
      stream: "water",
      details: { units: [{ id: 17, registers: [{ register: 4, type: "i16", kind: "input" }] }] },
    });
    expect(stations[1]).toMatchObject({ stream: "air", details: { dialect: "pms5003st" } });
  });

  test.each([
    [
      'board = "plantower"\ndialect = "v5"',
      [
        'boards[0].dialect: plantower has pms5003, pms7003, pms3003, pms5003s, pms5003st, pms5003t; not "v5"',
      ],
    ],
    [
      'board = "sds011"\nunits = []',
      ["boards[0].units: only modbus-bus has it, and this is sds011"],
    ],
    [
      'board = "modbus-bus"\nmodel = "water"\nunits = [{ id = 300, registers = 1 }]',
      [
        "boards[0].units[0].id: expected an address of 1 to 247, such as 17; not 300",
        'boards[0].units[0].registers: expected a list of registers, such as [{ register = 0, quantity = "level" }]; not 1',
      ],
    ],
    [
      'board = "modbus-bus"\nmodel = "water"\nunits = [{ id = 1, registers = [{ register = 0, quantity = "pm25" }] }, { id = 1, registers = [] }]',
      [
        'boards[0].units: "water" measures level, temp; not pm25',
        "boards[0].units[1].id: 1 is taken by another unit of the line",
      ],
    ],
  ])("with details of the wrong sort says so: %s", (text, faults) => {
    expect(parseScenario(`[[boards]]\nname = "a"\nlisten = "127.0.0.1:0"\n${text}`)).toEqual(
      faults,
    );
  });

  test("holds boards that speak in messages, at topics of their own", () => {
    const broker = 'broker = "mqtt://127.0.0.1:1883"';
    const { stations } = good(`
      [[boards]]
      name = "kitchen"
      board = "zigbee2mqtt"
      ${broker}
      [[boards]]
      name = "yard"
      board = "tasmota"
      ${broker}
      topic = "plaza"
      [[boards]]
      name = "roof"
      board = "airrohr"
      push = "http://127.0.0.1:8093/"
      dialect = "community"
      id = 0xd4e123
    `);
    const where = { kind: "mqtt", broker: "mqtt://127.0.0.1:1883" };
    expect(stations).toMatchObject([
      { outlet: { ...where, topic: "zigbee2mqtt/kitchen" }, everySeconds: 60 },
      { outlet: { ...where, topic: "plaza" }, everySeconds: 300 },
      {
        outlet: { kind: "push", url: "http://127.0.0.1:8093/" },
        everySeconds: 145,
        details: { dialect: "community", id: 0xd4e123 },
      },
    ]);
  });

  test.each([
    ['board = "tasmota"\nlisten = "127.0.0.1:0"', ["boards[0].listen: tasmota has broker"]],
    [
      'board = "tasmota"',
      ['boards[0]: expected a broker, such as broker = "mqtt://127.0.0.1:1883"; there is none'],
    ],
    [
      'board = "airrohr"',
      [
        'boards[0]: expected an address to push to, such as push = "http://127.0.0.1:8093/"; there is none',
      ],
    ],
    [
      'board = "sds011"\nbroker = "mqtt://b"',
      ["boards[0].broker: sds011 has listen, serial or pty"],
    ],
    [
      'board = "airrohr"\npush = "https://b"\ntopic = "a/#"\nid = 16777216',
      [
        'boards[0].topic: expected a topic without wildcards, such as "zigbee2mqtt/kitchen"; not "a/#"',
        'boards[0].push: expected the address that takes pushes, such as "http://127.0.0.1:8093/"; not "https://b"',
        "boards[0].id: expected two bytes for an sds011, such as 0xa160, or three for an airrohr; not 16777216",
        "boards[0].topic: only a board at a broker has a topic",
      ],
    ],
    [
      'board = "sds011"\nlisten = "127.0.0.1:0"\nid = 65535',
      ["boards[0].id: expected two bytes for sds011, such as 0xa160; not 65535"],
    ],
    [
      'board = "esphome"\nbroker = "mqtt://b"\ncapture = { file = "x" }',
      ["boards[0].broker: a capture has listen, serial or pty"],
    ],
    [
      'board = "tasmota"\nbroker = "mqtt://b"\nmodel = "noise"',
      ["boards[0].model: tasmota speaks of temp, rh, co2, pm25, pm10; not of laeq, lamax, lamin"],
    ],
    [
      'board = "airrohr"\npush = "http://b"\nreplay = { file = "x", columns = { level = 1 } }',
      [
        "boards[0].replay.columns: airrohr speaks of pm25, pm10, temp, rh, laeq, lamin, lamax; not of level",
      ],
    ],
    [
      'board = "esphome"\nbroker = "mqtt://b"\n[[boards.faults]]\nkind = "split"\nshare = 1',
      [
        'boards[0].faults[0].kind: expected one of "bit-flips", "duplicate", "garbage", "stall", "delay", "unplug", "stuck", "drift" for a board that sends messages; not "split"',
      ],
    ],
    [
      'board = "esphome"\nbroker = "mqtt://b"\ntopic = "x"\n[[boards]]\nname = "b"\nboard = "esphome"\nbroker = "mqtt://b"\ntopic = "x"',
      ['boards[1].topic: "x" is taken by boards[0]'],
    ],
  ])("with messages where there are none says so, and the other way round: %s", (text, faults) => {
    expect(parseScenario(`[[boards]]\nname = "a"\n${text}`)).toEqual(faults);
  });

  test("that is no TOML says where", () => {
    expect(parseScenario("seed = \n")).toEqual([expect.stringMatching(/^line 1, column \d+: /)]);
  });

  test("takes what overrides it", () => {
    expect(parseScenario(BOARD, { seed: 9 })).toMatchObject({ seed: 9 });
    expect(parseScenario(BOARD, { seed: -9 })).toEqual([expect.stringContaining("seed: expected")]);
  });

  test.each([
    null,
    3,
    [],
    { boards: [null, 3, []] },
    { boards: [{ faults: 3, replay: [], settings: 1, road: {} }] },
  ])("of any shape gives faults, never an exception: %j", (raw) => {
    expect(readScenario(raw)).toBeInstanceOf(Array);
  });
});

describe("faults", () => {
  const FAULT = `${BOARD}[[boards.faults]]\n`;

  test.each<[string, object]>([
    ["delay", { ms: 1500 }],
    ["clock-jump", { ms: -3_600_000 }],
    ["drift", { quantity: "temp", perHour: 2 }],
    ["brown-out", { forMs: 2000, share: 0.2, resets: 1 }],
    ["reboot", { everyMs: 60_000 }],
    ["unplug", { forMs: 30_000 }],
    ["duplicate", { share: 0.5 }],
  ])("of the kind %s become plans", (kind, plan) => {
    const fields: Record<string, string> = {
      delay: "seconds = 1.5",
      "clock-jump": "seconds = -3600",
      drift: 'quantity = "temp"\nperHour = 2',
      reboot: "everySeconds = 60",
      unplug: "forSeconds = 30",
      duplicate: "share = 0.5",
    };
    const board = kind === "clock-jump" ? '"nmea-gps"\nlat = 51\nlon = -3' : '"sds011"';
    const text = FAULT.replace('"sds011"', board);
    const [station] = good(`${text}kind = "${kind}"\n${fields[kind] ?? ""}\n`).stations;
    expect(station?.faults).toEqual([{ kind, afterMs: 0, ...plan }]);
  });

  test.each([
    ['kind = "drift"\nquantity = "pm25"', ": expected perHour or factorPerHour, and not both"],
    [
      'kind = "drift"\nquantity = "pm25"\nperHour = 1\nfactorPerHour = 2',
      ": expected perHour or factorPerHour, and not both",
    ],
    [
      'kind = "drift"\nquantity = "pm2"\nperHour = 1',
      '.quantity: "pm2" is not measured; did you mean pm25?',
    ],
    [
      'kind = "stuck"\nquantity = "laeq"',
      '.quantity: "laeq" is not measured; pm25, pm10, no2, co2',
    ],
    [
      'kind = "drift"\nquantity = "pm25"\nfactorPerHour = 0',
      ".factorPerHour: expected by what it is multiplied",
    ],
    [
      'kind = "clock-jump"\nseconds = 60',
      ".kind: only nmea-gps and p1-meter have a clock, and this is sds011",
    ],
    [
      'kind = "clock-jump"\nseconds = 0',
      ".seconds: expected seconds, back where negative, such as -3600; not 0",
    ],
    ['kind = "delay"', ".seconds: expected seconds of 0 to 600, such as 2; it is missing"],
    ['kind = "delay"\nsecond = 1', ".second: there is no such field; did you mean seconds?"],
    ['kind = "brown-out"\nresets = 0', ".resets: expected a count of 1 to 100, such as 3; not 0"],
    [
      'kind = "unplug"\neverySeconds = 60',
      ".everySeconds: expected forSeconds beside it, and shorter",
    ],
  ])("are refused where they cannot be meant: %s", (text, fault) => {
    const faults = parseScenario(`${FAULT}${text}\n`);
    expect(Array.isArray(faults) ? faults.join("\n") : "good").toContain(
      `boards[0].faults[0]${fault}`,
    );
  });

  test("of boards are refused for a capture", () => {
    const capture =
      '[[boards]]\nname = "a"\nlisten = "127.0.0.1:0"\ncapture = { file = "x.log" }\n';
    const faults = parseScenario(`${capture}[[boards.faults]]\nkind = "reboot"\n`);
    expect(faults).toEqual([
      'boards[0].faults[0].kind: "reboot" needs a board, and this is a capture',
    ]);
  });

  test("of a replay know its columns", () => {
    const replay =
      BOARD + 'replay = { file = "x.csv", columns = { time = 0, pm25 = 1, pm10 = 2 } }\n';
    expect(parseScenario(`${replay}[[boards.faults]]\nkind = "stuck"\nquantity = "no2"\n`)).toEqual(
      ['boards[0].faults[0].quantity: "no2" is not measured; pm25, pm10'],
    );
  });
});

describe("a camera", () => {
  const CAMERA = '[[boards]]\nname = "cam"\nboard = "rtsp-camera"\nlisten = "127.0.0.1:8554"\n';

  test("is filled in, and takes what is said of it", () => {
    const place = { host: "127.0.0.1", port: 8554 };
    const usual = { width: 640, height: 360, framesPerSecond: 10, kilobitsPerSecond: 500 };
    expect(good(CAMERA).stations).toEqual([
      { kind: "camera", name: "cam", stream: "camera", video: usual, place, faults: [] },
    ]);
    const [station] = good(`${CAMERA}
      username = "viewer"
      password = "se:cret"
      authentication = "basic"
      video = "street.mp4"
      size = "1280x720"
      framesPerSecond = 25
      kilobitsPerSecond = 2000
      [[boards.faults]]
      kind = "reboot"
      everySeconds = 600
    `).stations;
    expect(station).toMatchObject({
      video: { file: "street.mp4", width: 1280, height: 720, framesPerSecond: 25 },
      login: { username: "viewer", password: "se:cret", scheme: "basic" },
      faults: [{ kind: "reboot", afterMs: 0, everyMs: 600_000 }],
    });
  });

  test.each([
    ['size = "640x361"', "boards[0].size: expected width and height of 64 to 3840, both even"],
    ['size = "32x64"', "boards[0].size: expected width and height"],
    ['username = "a:b"', "boards[0].username: expected a name in ASCII without colon"],
    ['username = "a"', "boards[0]: expected username and password, or neither; there is one"],
    ['authentication = "basic"', "boards[0].authentication: expected username and password beside"],
    ['model = "air"', "boards[0].model: a camera has none"],
    ['[[boards.faults]]\nkind = "stuck"', 'boards[0].faults[0].kind: expected one of "stall"'],
    [BOARD.replace('"a"', '"b"') + 'video = "x.mp4"', "boards[1].video: only rtsp-camera has it"],
  ])("cannot have %j", (text, fault) => {
    const faults = parseScenario(`${CAMERA}${text}\n`);
    expect(Array.isArray(faults) ? faults.join("\n") : "good").toContain(fault);
  });
});

describe("a board with firmware of its own", () => {
  const CHIP = '[[boards]]\nname = "chip"\nfirmware = "air.hex"\npty = "edge"\n';
  const TMP36 = { quantity: "temp", volts: 0.5, voltsPerUnit: 0.01 };

  test("has the air at its inputs, unless something else is said", () => {
    const [usual, other] = good(`${CHIP}
      [[boards]]
      name = "other"
      firmware = "noise.hex"
      clockHz = 8000000
      mcu = "atmega328p"
      model = "air"
      listen = "127.0.0.1:0"
      road = "high-street"
      stream = "noise"
      settings = { background = 3 }
      adc = { A3 = "temp", A7 = { quantity = "no2", volts = 0.2, voltsPerUnit = 0.01 } }
      [[boards.faults]]
      kind = "brown-out"
      [[roads]]
      name = "high-street"
      vehiclesPerHour = 10
      freeSpeed = 10
    `).stations;
    expect(usual).toMatchObject({
      kind: "firmware",
      name: "chip",
      stream: "air",
      file: "air.hex",
      clockHz: 16_000_000,
      feed: { kind: "model", model: "air", settings: {} },
      outlet: { kind: "pty", path: "edge" },
    });
    expect(usual?.kind === "firmware" && [...usual.inputs]).toEqual([
      [0, TMP36],
      [1, { quantity: "rh", volts: 0.8, voltsPerUnit: 0.031 }],
      [2, { quantity: "co2", volts: 0.4, voltsPerUnit: 0.0008 }],
    ]);
    expect(other).toMatchObject({
      stream: "noise",
      clockHz: 8_000_000,
      feed: { road: "high-street", settings: { background: 3 } },
      faults: [{ kind: "brown-out" }],
    });
    expect(other?.kind === "firmware" && [...other.inputs]).toEqual([
      [3, TMP36],
      [7, { quantity: "no2", volts: 0.2, voltsPerUnit: 0.01 }],
    ]);
  });

  test.each([
    ['board = "sds011"', ".board: a board with firmware of its own has none"],
    ["everySeconds = 5", ".everySeconds: a board with firmware of its own has none"],
    ['video = "street.mp4"', ".video: a board with firmware of its own has none"],
    ['capture = { file = "x" }', ".capture: a board with firmware of its own has none"],
    ['mcu = "attiny85"', '.mcu: expected one of "atmega328p"; not "attiny85"'],
    ["clockHz = 5", ".clockHz: expected a frequency of 1000000 to 20000000"],
    ['adc = { A0 = "temp", B1 = "rh" }', ".adc"],
    ['adc = { A0 = "laeq" }', '.adc.A0: "laeq" is not measured; pm25, pm10, no2, co2, temp, rh'],
    [
      'adc = { A0 = "pm25" }',
      '.adc.A0: there are sensors for temp, rh, laeq, level, co2; for "pm25"',
    ],
    ['adc = { A0 = { quantity = "temp" } }', ".adc.A0"],
    ["adc = 3", ".adc: expected a table of inputs, A0 to A7"],
    ["settings = { floor = 3 }", '.settings.floor: "air" has background'],
    [
      '[[boards.faults]]\nkind = "clock-jump"\nseconds = 5',
      ".faults[0].kind: only nmea-gps and p1-meter have a clock, and this is firmware",
    ],
  ])("cannot have %j", (text, fault) => {
    const faults = parseScenario(`${CHIP}${text}\n`);
    expect(Array.isArray(faults) ? faults.join("\n") : "good").toContain(`boards[0]${fault}`);
  });

  test("alone has a processor", () => {
    expect(parseScenario(`${BOARD}clockHz = 16000000\nadc = { A0 = "temp" }\n`)).toEqual([
      "boards[0].clockHz: only a board with firmware has it, and this one has none",
      "boards[0].adc: only a board with firmware has it, and this one has none",
    ]);
  });
});

test("the demonstration city is a good scenario with a board of each kind", () => {
  const scenario = good(
    readFileSync(new URL("../../../firmware-sim/scenarios/newport.toml", import.meta.url), "utf8"),
  );
  expect(scenario.stations.length).toBeGreaterThanOrEqual(8);
  const streams = scenario.stations.map((station) => station.stream);
  expect([...new Set(streams)].toSorted()).toEqual([
    "air",
    "gps",
    "noise",
    "parking",
    "traffic",
    "water",
  ]);
  for (const station of scenario.stations) {
    const { lat = 0, lon = 0 } = station;
    expect(Math.abs(lat - 51.5877)).toBeLessThan(0.02);
    expect(Math.abs(lon + 2.9984)).toBeLessThan(0.02);
    const place = { host: "127.0.0.1", port: 0 };
    expect(station).toMatchObject(
      station.kind === "camera" ? { place } : { outlet: { kind: "tcp", ...place } },
    );
  }
});

describe("what would go wrong later is said at once", () => {
  const bare = '[[boards]]\nname = "a"\nlisten = "127.0.0.1:0"\n';
  const bus = `${bare}board = "modbus-bus"\nmodel = "water"\n`;
  const unit = "[[boards.units]]\nid = 1\nregisters = ";
  const replay = 'replay = { file = "x", columns = { time = 0, pm25 = 1, pm10 = 2 } }\n';
  const capture = 'capture = { file = "x" }\n';
  test.each<[string, string, string[]]>([
    [
      "boards that are none",
      "boards = [1]",
      ["boards[0]: expected a table of a board, [[boards]]; not 1"],
    ],
    ["a field of another table", `share = 1\n${BOARD}`, ["share: there is no such field here"]],
    [
      "one board in place of several",
      BOARD.replace("boards", "board"),
      [
        "boards: expected a list of boards, [[boards]]; it is missing",
        "board: there is no such field here; did you mean boards?",
      ],
    ],
    [
      "no number",
      `${BOARD}lat = nan\nlon = inf`,
      [
        "boards[0].lat: expected degrees of latitude, such as 51.5877; not NaN",
        "boards[0].lon: expected degrees of longitude, such as -2.9984; not Infinity",
      ],
    ],
    [
      "half a place",
      `${BOARD}lat = 51`,
      ["boards[0].lon: expected lat and lon, or neither; it is missing"],
    ],
    [
      "a time that no board can show",
      `start = "0001-01-01T00:00:00Z"\n${BOARD}`,
      [
        'start: expected a time in quotes, of 1970 to 2999, such as "2026-03-02T07:00:00Z"; not "0001-01-01T00:00:00Z"',
      ],
    ],
    [
      "a path that no system takes",
      `${BOARD.replace(/listen.*/, "")}pty = "a\\u0000"`,
      ['boards[0].pty: expected a path, such as "data/pm.csv"; not "a\\u0000"'],
    ],
    [
      "a board that is never on",
      `${BOARD}[[boards.faults]]\nkind = "reboot"\neverySeconds = 0`,
      ["boards[0].faults[0].everySeconds: expected more than 5, since a reboot takes so long"],
    ],
    [
      "a camera that is never on",
      `${bare}board = "rtsp-camera"\n[[boards.faults]]\nkind = "reboot"\neverySeconds = 20`,
      ["boards[0].faults[0].everySeconds: expected more than 30, since a reboot takes so long"],
    ],
    [
      "values over each other, and over the end",
      `${bus}${unit}[{ register = 0, quantity = "level" }, { register = 1, quantity = "temp" }, { register = 1, kind = "input", quantity = "temp" }, { register = 65535, quantity = "temp" }, { register = 65535, type = "u16", quantity = "temp" }]`,
      [
        "boards[0].units[0].registers[1].register: 1 is taken by registers[0]",
        "boards[0].units[0].registers[3].register: a value of two registers does not fit behind 65535",
      ],
    ],
    [
      "units and quantities",
      `${bus}quantities = ["level"]\n${unit}[]`,
      ["boards[0].quantities: the registers of units say what there is; expected one of the two"],
    ],
    [
      "what a recording passes over",
      `${BOARD}everySeconds = 5\nsettings = { background = 1 }\n${replay}`,
      [
        "boards[0].everySeconds: a recording has none; it has its own times and values",
        "boards[0].settings: a recording has none; it has its own times and values",
      ],
    ],
    [
      "what a capture passes over",
      `${bare}everySeconds = 5\nid = 7\n${capture}`,
      [
        "boards[0].everySeconds: a capture has none; it has its own times and values",
        "boards[0].id: a capture has none; it has its own times and values",
      ],
    ],
  ])("%s", (_name, text, faults) => {
    expect(parseScenario(text)).toEqual(faults);
  });
});
