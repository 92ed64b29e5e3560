/**
 * Real programs beside ours, as a city would run them: InfluxDB 1, Mosquitto, serial lines by socat, ffmpeg, a compiler
 * for AVR, Chromium, Python.
 *
 * All come from Debian's packages. Each runs on a free port with its own configuration in a folder of the test, never
 * with the machine's. Tests ask `lacks(…)` first.
 */
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { freePort } from "./ports.ts";
import {
  type Command,
  type Exit,
  type Running,
  eventually,
  runProcess,
  startProcess,
} from "./process.ts";
import { type Requirement, findProgram } from "./requirements.ts";
import type { Scope } from "./scope.ts";

const PYTHON = "/usr/bin/python3";
const PYTHON_LIMIT_MS = 200_000;

/** The need for a program of a Debian package. */
function debianProgram(name: string, debianPackage: string): Requirement {
  return {
    name,
    available: () => findProgram(name) !== undefined,
    remedy: `Debian package ${debianPackage}`,
  };
}

export const influxd: Requirement = debianProgram("influxd", "influxdb");
export const mosquitto: Requirement = debianProgram("mosquitto", "mosquitto");
export const mosquittoClients: Requirement = debianProgram("mosquitto_pub", "mosquitto-clients");
export const openssl: Requirement = debianProgram("openssl", "openssl");
export const socat: Requirement = debianProgram("socat", "socat");
export const chromium: Requirement = debianProgram("chromium", "chromium");
export const ffmpeg: Requirement = debianProgram("ffmpeg", "ffmpeg");
export const avrBinutils: Requirement = debianProgram("avr-objdump", "binutils-avr");

/** The compiler of Debian's gcc-avr, with avr-libc and make. */
export const avrGcc: Requirement = {
  name: "avr-gcc with avr-libc and make",
  available: () =>
    findProgram("avr-gcc") !== undefined &&
    findProgram("make") !== undefined &&
    findProgram("avr-objcopy") !== undefined &&
    existsSync("/usr/lib/avr/include/avr/io.h"),
  remedy: "Debian packages gcc-avr, avr-libc, binutils-avr and make",
};

/** Debian's own Python with cbor2 and cryptography; another python3 on PATH would not have them. */
export const python: Requirement = {
  name: "Python with cbor2 and cryptography",
  available: () =>
    existsSync(PYTHON) &&
    spawnSync(PYTHON, ["-c", "import cbor2, cryptography"], { timeout: 60_000 }).status === 0,
  remedy: "Debian packages python3-cbor2 and python3-cryptography",
};

/** The path of a program that is known to be there. */
function pathOf(name: string): string {
  const path = findProgram(name);
  if (path === undefined) throw new Error(`${name} is not installed`);
  return path;
}

/** The path of ffmpeg's executable. */
export function ffmpegPath(): string {
  return pathOf("ffmpeg");
}

/** The path of Chromium's executable, for playwright-core. */
export function chromiumPath(): string {
  return pathOf("chromium");
}

/** Runs a Python program to its end. */
export function runPython(
  scope: Scope,
  args: readonly string[],
  surroundings: Pick<Command, "cwd" | "env"> = {},
): Promise<Exit & { stdout: string; stderr: string }> {
  // -B keeps compiled files out of the project's folders.
  const command = { program: PYTHON, args: ["-B", ...args], ...surroundings };
  return runProcess(scope, command, "", PYTHON_LIMIT_MS);
}

/** A program that can be stopped and started again with the same port and data. */
export interface Server {
  readonly port: number;
  /** Stops it cleanly; does nothing where it does not run. */
  stop(): Promise<void>;
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
  /** Starts it again and waits until it answers. */
  start(): Promise<void>;
}

/** Makes a server of a way to launch it and a question that tells when it answers. */
async function server(
  port: number,
  launch: () => Promise<Running>,
  answers: () => Promise<boolean>,
): Promise<Server> {
  let running: Running | undefined;
  const start = async (): Promise<void> => {
    const launched = await launch();
    running = launched;
    const ready = eventually(
      `port ${port}`,
      async () => {
        if (launched.exit !== undefined) return false;
        return (await answers()) ? true : undefined;
      },
      60_000,
    );
    if (!(await ready)) throw new Error(`did not start:\n${launched.stdout}${launched.stderr}`);
  };
  await start();
  return {
    port,
    start,
    stop: async () => {
      await running?.stop();
    },
    kill: async () => {
      await running?.kill();
    },
  };
}

/** InfluxDB 1 with its address. */
export interface InfluxServer extends Server {
  /** `http://127.0.0.1:<port>`, without a slash at the end. */
  readonly url: string;
}

/** Starts an empty InfluxDB 1, without login, and waits until it answers. */
export async function startInflux(scope: Scope): Promise<InfluxServer> {
  const folder = await scope.folder("influx");
  const port = await freePort();
  const config = join(folder, "influxdb.conf");
  await writeFile(config, influxConfig(folder, port));
  const url = `http://127.0.0.1:${port}`;
  const base = await server(
    port,
    () =>
      startProcess(scope, {
        program: pathOf("influxd"),
        args: ["run", "-config", config],
        env: { HOME: folder },
      }),
    async () => (await fetch(`${url}/ping`, { signal: AbortSignal.timeout(2000) })).status === 204,
  );
  return { ...base, url };
}

function influxConfig(folder: string, port: number): string {
  return `reporting-disabled = true
bind-address = "127.0.0.1:0"
[meta]
  dir = "${folder}/meta"
[data]
  dir = "${folder}/data"
  wal-dir = "${folder}/wal"
  query-log-enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:${port}"
  log-enabled = false
`;
}

/** Starts Mosquitto on loopback, open to anyone, with a store that survives its restart. */
export async function startMosquitto(
  scope: Scope,
  extraConfig: readonly string[] = [],
): Promise<Server> {
  const folder = await scope.folder("mosquitto");
  const port = await freePort();
  const config = join(folder, "mosquitto.conf");
  const store = join(folder, "store");
  await mkdir(store);
  const lines = [
    `listener ${port} 127.0.0.1`,
    "allow_anonymous true",
    "persistence true",
    `persistence_location ${store}/`,
    "log_dest stderr",
    `user ${process.env["USER"] ?? "root"}`,
    ...extraConfig,
  ];
  await writeFile(config, `${lines.join("\n")}\n`);
  return server(
    port,
    () => startProcess(scope, { program: pathOf("mosquitto"), args: ["-c", config] }),
    () => accepts(port),
  );
}

/** Sends one MQTT message with mosquitto_pub; rejects when the broker did not acknowledge it. */
export async function mosquittoPublish(
  scope: Scope,
  message: {
    port: number;
    topic: string;
    body: Uint8Array;
    clientId: string;
    username?: string;
    password?: string;
  },
): Promise<void> {
  const { port, topic, body, clientId, username, password } = message;
  const login = [
    ...(username === undefined ? [] : ["-u", username]),
    ...(password === undefined ? [] : ["-P", password]),
  ];
  const args = ["-h", "127.0.0.1", "-p", `${port}`, "-V", "mqttv311", "-q", "1", "-i", clientId];
  const result = await runProcess(
    scope,
    { program: pathOf("mosquitto_pub"), args: [...args, ...login, "-t", topic, "-s"] },
    body,
  );
  if (result.code !== 0)
    throw new Error(`mosquitto_pub ended with ${result.code}: ${result.stderr}`);
}

/** A serial line with two ends: what is written to one comes out of the other. */
export interface SerialPair {
  /** Path of the end that a simulated board holds. */
  readonly board: string;
  /** Path of the end that the edge opens. */
  readonly edge: string;
  /** Unplugs the line: both paths vanish. */
  kill(): Promise<void>;
}

/**
 * Makes a serial line out of two pseudo terminals.
 *
 * Both paths are links in `folder`, or in one of the scope; a line made again in the same folder gets the same paths,
 * as a sensor that is plugged in again.
 */
export async function startSerialPair(scope: Scope, folder?: string): Promise<SerialPair> {
  const place = folder ?? (await scope.folder("serial"));
  const board = join(place, "board");
  const edge = join(place, "edge");
  const running = await startProcess(scope, {
    program: pathOf("socat"),
    args: ["-d", "-d", `PTY,raw,echo=0,link=${board}`, `PTY,raw,echo=0,link=${edge}`],
  });
  await running.output(/starting data transfer loop/);
  return {
    board,
    edge,
    kill: async () => {
      // Asked politely, socat removes the links.
      await running.stop();
    },
  };
}

/** Whether somebody accepts connections on a port of loopback. */
function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => {
      resolve(false);
    });
  });
}
