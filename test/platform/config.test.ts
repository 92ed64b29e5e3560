/** Settings from all sources, and what is said when they are wrong. */
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { encodeUtf8 } from "../../ledger/bytes.ts";
import { formatHelp } from "../../platform/command-line.ts";
import { loadConfig, settingFlags } from "../../platform/config.ts";
import { ConfigError } from "../../platform/config-fault.ts";
import { MemoryFiles } from "../../platform/memory-files.ts";

const port = z.int().min(1).max(65_535);

const schema = z.object({
  dataFolder: z
    .string()
    .min(1)
    .meta({ description: "where the log is kept", examples: ["data"] }),
  blockSeconds: z.int().min(10).max(3600).default(300),
  mqtt: z.object({ port: port.default(1883), url: z.url().optional() }).prefault({}),
  influx: z
    .object({
      token: z.string().min(8).meta({ secret: true }).optional(),
      retry: z.boolean().default(true),
    })
    .prefault({}),
  peers: z.array(z.url()).default([]),
  level: z.enum(["debug", "info", "warn"]).default("info"),
  share: z.number().gt(0).max(1).default(0.5),
  sensors: z
    .array(
      z.discriminatedUnion("kind", [
        z.object({ kind: z.literal("sds011"), line: z.string() }),
        z.object({ kind: z.literal("modbus"), unit: z.int().min(1).max(247) }),
      ]),
    )
    .default([]),
  rooms: z.record(z.string(), z.object({ floor: z.int() })).default({}),
});

interface Given {
  file?: string;
  env?: Record<string, string>;
  flags?: Record<string, string | boolean | string[] | undefined>;
}

async function load(given: Given): Promise<z.output<typeof schema>> {
  const files = new MemoryFiles();
  await files.makeFolder("/etc");
  if (given.file !== undefined) await files.write("/etc/hub.toml", encodeUtf8(given.file));
  return loadConfig({
    schema,
    files,
    ...(given.file === undefined ? {} : { file: "/etc/hub.toml" }),
    env: given.env ?? {},
    flags: given.flags ?? {},
    prefix: "KERBSTONE_HUB",
  });
}

/** Gives the faults as `name: text` with the example. */
async function faultsOf(given: Given): Promise<string[]> {
  const error: unknown = await load(given).catch((reason: unknown) => reason);
  if (!(error instanceof ConfigError)) throw new Error("expected a ConfigError", { cause: error });
  return error.faults.map(({ name, text, example }) => `${name}: ${text} | ${example}`);
}

describe("sources", () => {
  test("defaults fill what nobody gives", async () => {
    expect(await load({ flags: { "data-folder": "d" } })).toEqual({
      dataFolder: "d",
      blockSeconds: 300,
      mqtt: { port: 1883 },
      influx: { retry: true },
      peers: [],
      level: "info",
      share: 0.5,
      sensors: [],
      rooms: {},
    });
  });

  test("flags win over the environment, the environment over the file", async () => {
    const file = `dataFolder = "f"\nblockSeconds = 60\n[mqtt]\nport = 1\nurl = "mqtt://f"`;
    const env = { KERBSTONE_HUB_MQTT_PORT: "2", KERBSTONE_HUB_BLOCK_SECONDS: "90", OTHER: "x" };
    const config = await load({ file, env, flags: { "mqtt-port": "3" } });
    expect(config.dataFolder).toBe("f");
    expect(config.blockSeconds).toBe(90);
    expect(config.mqtt).toEqual({ port: 3, url: "mqtt://f" });
  });

  test("texts become what the setting is", async () => {
    const config = await load({
      env: {
        KERBSTONE_HUB_DATA_FOLDER: "12",
        KERBSTONE_HUB_INFLUX_RETRY: "false",
        KERBSTONE_HUB_PEERS: "https://a.example/, https://b.example/",
        KERBSTONE_HUB_SHARE: "1e-2",
      },
    });
    expect(config.dataFolder).toBe("12");
    expect(config.influx.retry).toBe(false);
    expect(config.peers).toEqual(["https://a.example/", "https://b.example/"]);
    expect(config.share).toBe(0.01);
  });

  test("a flag that was not given hides nothing", async () => {
    const file = `dataFolder = "f"\npeers = ["https://a.example/"]`;
    const flags = { "data-folder": undefined, peers: [], config: "/etc/hub.toml", verbose: true };
    expect((await load({ file, flags })).peers).toEqual(["https://a.example/"]);
  });
});

describe("faults", () => {
  test("are all said at once, each by the name of its source", async () => {
    const file = `
      blockSeconds = 5
      levle = "info"
      share = 0
      [mqtt]
      prot = 1
      url = "not a url"
      [influx]
      retry = "yes"
      [[sensors]]
      kind = "modbus"
      unit = 300
      uint = 3
      [[sensors]]
      kind = "sds11"
      [rooms.cellar]
      flor = -1
    `;
    const env = { KERBSTONE_HUB_MQTT_PORT: "99999", KERBSTONE_HUB_LEVLE: "info" };
    const flags = { level: "loud", peers: "https://a.example/,nowhere" };
    expect((await faultsOf({ file, env, flags })).sort()).toEqual(
      [
        "levle: there is no such setting; did you mean level? | undefined",
        "mqtt.prot: there is no such setting; did you mean port? | undefined",
        "sensors[0].uint: there is no such setting; did you mean unit? | undefined",
        "rooms.cellar.flor: there is no such setting; did you mean floor? | undefined",
        "KERBSTONE_HUB_LEVLE: there is no such setting; did you mean KERBSTONE_HUB_LEVEL? | undefined",
        "dataFolder: not set; expected text that is not empty | " +
          'dataFolder = "data" in /etc/hub.toml, --data-folder data, or KERBSTONE_HUB_DATA_FOLDER=data',
        "blockSeconds: expected a whole number from 10 to 3600, found 5 | blockSeconds = 300",
        "KERBSTONE_HUB_MQTT_PORT: expected a whole number from 1 to 65535, found 99999 | KERBSTONE_HUB_MQTT_PORT=1883",
        'mqtt.url: expected a URL, found "not a url" | mqtt.url = "https://example.org/"',
        'influx.retry: expected true or false, found "yes" | influx.retry = true',
        '--peers: expected a URL, found "nowhere" | --peers https://example.org/',
        '--level: expected one of "debug", "info", "warn", found "loud" | --level info',
        "share: expected a number above 0 and of at most 1, found 0 | share = 0.5",
        "sensors[0].unit: expected a whole number from 1 to 247, found 300 | sensors[0].unit = 1",
        'sensors[1].kind: expected "sds011", or "modbus", found "sds11" | sensors[1].kind = "sds011"',
        "rooms.cellar.floor: not set; expected a whole number | rooms.cellar.floor = 1",
      ].sort(),
    );
  });

  test("one fault is one sentence, several are a list", async () => {
    await expect(load({ flags: { "data-folder": "d", "mqtt-port": "x" } })).rejects.toThrow(
      'A setting is wrong: --mqtt-port: expected a whole number from 1 to 65535, found "x"; for example --mqtt-port 1883',
    );
    await expect(load({ flags: { "mqtt-port": "x" } })).rejects.toThrow(
      /^2 settings are wrong:\n {2}\S.*\n {2}\S/,
    );
  });

  test("a secret is not shown", async () => {
    const env = { KERBSTONE_HUB_DATA_FOLDER: "d", KERBSTONE_HUB_INFLUX_TOKEN: "hunter2" };
    const [fault] = await faultsOf({ env });
    expect(fault).toContain("KERBSTONE_HUB_INFLUX_TOKEN: expected");
    expect(fault).not.toContain("hunter2");
  });

  test("broken TOML is said with line and column", async () => {
    await expect(load({ file: 'dataFolder = "d"\nport = = 3' })).rejects.toThrow(
      /^\/etc\/hub\.toml is not valid TOML: line 2, column 8: /,
    );
  });

  test("a file that is not there, or not text", async () => {
    const files = new MemoryFiles();
    await files.makeFolder("/etc");
    const sources = { schema, files, file: "/etc/hub.toml", env: {}, flags: {}, prefix: "X" };
    await expect(loadConfig(sources)).rejects.toThrow("no configuration file /etc/hub.toml");
    await files.write("/etc/hub.toml", Uint8Array.of(0xff));
    await expect(loadConfig(sources)).rejects.toThrow("no text in UTF-8");
  });

  test("what the schema says of several settings together keeps its words", async () => {
    const pair = z
      .object({ least: z.int(), most: z.int() })
      .refine(({ least, most }) => least < most, "least must be below most");
    const sources = { schema: pair, env: {}, flags: { least: "3", most: "2" }, prefix: "X" };
    await expect(loadConfig(sources)).rejects.toThrow("least must be below most");
  });
});

test("the help text lists the settings with their defaults", () => {
  const help = formatHelp({ usage: "kerbstone x", about: "Does x.", flags: settingFlags(schema) });
  expect(help).toContain("--data-folder VALUE");
  expect(help).toContain("where the log is kept");
  expect(help).toMatch(/--mqtt-port VALUE +a whole number from 1 to 65535 \(1883\)/);
  expect(help).toContain("--influx-retry true|false");
  expect(help).not.toContain("--sensors");
});
