/**
 * `kerbstone start`, as whoever clones the project meets it: a whole city with one command, stopped with one key,
 * resumed with the same command, and one clear sentence where it cannot start.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { HubProgram } from "../support/hub-program.ts";
import { isAlive, kerbstone, runKerbstone, startKerbstone } from "../support/kerbstone.ts";
import type { Finished } from "../support/kerbstone.ts";
import { LoadDevice } from "../support/load-device.ts";
import { eventually } from "../support/process.ts";
import type { Running } from "../support/process.ts";
import { lacks } from "../support/requirements.ts";
import { testScope } from "../support/scope.ts";
import { mounting, smallDisk } from "../support/small-disk.ts";

const DEVICES = 8;
/** From the start to values that two peers have checked, on a small machine that is busy. */
const COSIGNED_LIMIT_MS = 60_000;

const scope = testScope();

interface LogView {
  readonly vkey: string;
  readonly height: number;
  readonly cosignedSize: number | null;
}

interface DeviceView {
  readonly name: string;
  readonly latest: readonly { readonly quantity: string; readonly level: string }[];
}

/** A city that runs. */
interface City {
  readonly running: Running;
  /** The address that was printed. */
  readonly url: string;
  readonly vkey: string;
  /** Ids of its programs, the first one's left out. */
  readonly children: readonly number[];
}

describe("a small city", () => {
  let folder: string;
  let again: readonly string[];

  test("comes up with one address, and its devices' values are sealed and cosigned", async () => {
    folder = join(await scope.folder("city"), "data");
    again = ["start", "--data", folder, "--http", "0", "--mqtt", "0", "--no-sim"];
    const city = await startCity();
    expect((await fetch(city.url)).status).toBe(200);
    const devices = await cosignedDevices(city);
    expect(devices.length).toBeGreaterThanOrEqual(DEVICES);
    const quantities = new Set(
      devices.flatMap(({ latest }) => latest.map((each) => each.quantity)),
    );
    for (const quantity of ["pm25", "laeq", "vehicles", "level", "occupied", "satellites"]) {
      expect(quantities).toContain(quantity);
    }
    expect(await kerbstone(scope, ["audit", city.url, "--vkey", city.vkey])).toMatch(/^All holds/);
    await stopCity(city);
  });

  test("goes on at the next start where it was, and ends with its first program", async () => {
    const before = await checkpointSize();
    const city = await startCity();
    const { vkey, height } = await logOf(city);
    expect(vkey).toBe(city.vkey);
    // A second city on the same folder has no chance.
    expectRefusal(await runKerbstone(scope, again), [String(city.running.pid)]);
    await eventually("new blocks are cosigned", async () => {
      const log = await logOf(city);
      return log.height > height && (log.cosignedSize ?? 0) > before ? true : undefined;
    });
    // However that ends: nothing is left behind, and the log holds.
    await city.running.kill();
    await allGone(city);
    const hub = join(folder, "hub");
    expect(await kerbstone(scope, ["audit", hub, "--vkey", vkey])).toMatch(/^All holds/);
  });

  test("refuses an origin and a block length that are not the log's", async () => {
    expectRefusal(await runKerbstone(scope, [...again, "--origin", "localhost/cardiff"]), [
      "localhost/cardiff",
      "localhost/newport",
    ]);
    expectRefusal(await runKerbstone(scope, [...again, "--block-seconds", "7"]), ["2", "7"]);
  });

  async function startCity(): Promise<City> {
    const argv = ["start", "--data", folder, "--http", "0", "--mqtt", "0", "--seed", "7"];
    const running = await startKerbstone(scope, [...argv, "--block-seconds", "2"]);
    const [, url] = await running.output(/^The city is up: (http:\S+)$/m, 90_000);
    const [, vkey] = await running.output(/^\s+vkey\s+(\S+)$/m);
    const policy = join(folder, "policy.txt");
    await running.output(
      new RegExp(`edge init --name my-sensor --hub ${url} --policy ${policy}$`, "m"),
    );
    await running.output(new RegExp(`hub enrol CLAIM --data ${join(folder, "hub")}$`, "m"));
    return { running, url: url!, vkey: vkey!, children: await childrenOf(running.pid) };
  }

  async function checkpointSize(): Promise<number> {
    return Number((await readFile(join(folder, "hub/log/checkpoint"), "utf8")).split("\n")[1]);
  }
});

describe("what stands in the way of a start is said in a sentence", () => {
  test("a port that was asked for and is taken", async () => {
    const data = join(await scope.folder("city"), "data");
    const port = await takenPort();
    for (const flag of ["--http", "--mqtt"]) {
      const argv = ["start", "--data", data, "--no-sim", flag, String(port)];
      expectRefusal(await runKerbstone(scope, argv), [`Port ${port}`, flag]);
    }
    const hub = await HubProgram.make(scope);
    const argv = ["hub", "run", "--data", hub.folder, "--http-port", "0"];
    expectRefusal(await runKerbstone(scope, [...argv, "--mqtt-port", String(port)]), [`${port}`]);
    const other = ["hub", "run", "--data", hub.folder, "--mqtt-port", "0"];
    expectRefusal(await runKerbstone(scope, [...other, "--http-port", String(port)]), [`${port}`]);
  });

  test("a broken settings file, with everything that is wrong with it at once", async () => {
    const hub = await HubProgram.make(scope);
    const config = join(hub.folder, "hub.toml");
    const argv = ["hub", "run", "--config", config, "--data", hub.folder];
    await writeFile(
      config,
      `blockSeconds = "soon"\nlogLevel = "loud"\n[mqtt]\nport = 70000\nprot = 1\n`,
    );
    expectRefusal(await runKerbstone(scope, argv), [
      "blockSeconds",
      "logLevel",
      "mqtt.port",
      "mqtt.prot",
    ]);
    await writeFile(config, "[mqtt\nport = 1\n");
    expectRefusal(await runKerbstone(scope, argv), ["hub.toml"]);
    expectRefusal(await runKerbstone(scope, [...argv.slice(0, 3), `${config}.not`]), [
      "hub.toml.not",
    ]);
  });

  test("a hub's origin that is not the log's", async () => {
    const hub = await HubProgram.make(scope);
    const argv = ["hub", "run", "--data", hub.folder, "--mqtt-port", "0", "--http-port", "0"];
    const refused = await runKerbstone(scope, [...argv, "--origin", "kerbstone.test/other"]);
    expectRefusal(refused, ["kerbstone.test/other", hub.origin]);
  });
});

describe.skipIf(lacks(mounting))("a full disk", () => {
  test("ends the start with a sentence", async () => {
    const disk = await smallDisk(scope, 16_384);
    await fill(disk);
    const argv = ["start", "--data", join(disk, "data"), "--http", "0", "--mqtt", "0"];
    expectRefusal(await runKerbstone(scope, argv), ["full"]);
  });

  test("stops a hub at work; with room again it goes on, and has all that it acknowledged", async () => {
    const disk = await smallDisk(scope, 64 * 1024 * 1024);
    const made = await HubProgram.make(scope);
    const hub = made.on(join(disk, "hub"));
    const init = ["hub", "init", "--data", hub.folder, "--origin", hub.origin];
    await kerbstone(scope, [...init, "--block-seconds", "1"]);
    const vkey = (await kerbstone(scope, ["hub", "vkey", "--data", hub.folder])).trim();
    await hub.start();
    const device = new LoadDevice("air-1", hub.origin);
    await hub.enrol(device.request);
    const stop = new AbortController();
    const load = device.run(hub.mqttPort, stop.signal);
    scope.defer(() => stop.abort());
    await eventually("it works", () => (device.confirmed > 50 ? true : undefined));

    const ballast = await fill(disk);
    const { code } = await hub.running.exited;
    expect(code, hub.running.stderr.slice(-3000)).toBe(1);
    // What went half-way counts as an error of the disk.
    expect(hub.running.stderr).toMatch(/^kerbstone: .*the disk (is full|reports an error)/m);

    await writeFile(ballast, "");
    await hub.start();
    const { stored } = device;
    await eventually("it goes on", () => (device.stored > stored + 50 ? true : undefined));
    stop.abort();
    await load;
    expect(device.violations).toEqual([]);
    await hub.stop();
    expect(await kerbstone(scope, ["audit", hub.folder, "--vkey", vkey])).toMatch(/^All holds/);
  });

  /** Takes all the room that there is; gives the file that holds it. */
  async function fill(disk: string): Promise<string> {
    const ballast = join(disk, "ballast");
    for (const chunk of [1_048_576, 4096]) {
      try {
        for (;;) await writeFile(ballast, new Uint8Array(chunk), { flag: "a" });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      }
    }
    return ballast;
  }
});

/** One sentence that names what it is about, no stack, and an exit code that says so. */
function expectRefusal({ code, stderr }: Finished, names: readonly string[]): void {
  expect(code, stderr).toBeGreaterThan(0);
  expect(stderr).toMatch(/^kerbstone: \S/m);
  for (const name of names) expect(stderr).toContain(name);
  expect(stderr).not.toMatch(/internal error|^\s+at /m);
}

async function cosignedDevices(city: City): Promise<DeviceView[]> {
  return eventually(
    "values of the devices are cosigned",
    async () => {
      const reply = await fetch(new URL("api/v1/devices", city.url));
      const { devices } = (await reply.json()) as { devices: DeviceView[] };
      const cosigned = devices.filter(({ latest }) =>
        latest.some(({ level }) => level === "cosigned"),
      );
      return cosigned.length >= DEVICES && cosigned.length === devices.length
        ? cosigned
        : undefined;
    },
    COSIGNED_LIMIT_MS,
    250,
  );
}

async function logOf(city: City): Promise<LogView> {
  return (await (await fetch(new URL("api/v1/log", city.url))).json()) as LogView;
}

/** Presses Ctrl-C and expects that nothing is left. */
async function stopCity(city: City): Promise<void> {
  expect(await city.running.stop("SIGINT", 30_000)).toEqual({ code: 0, signal: null });
  await allGone(city);
}

async function allGone({ children }: City): Promise<void> {
  expect(children.length).toBeGreaterThanOrEqual(3);
  await eventually("all programs have ended", async () => {
    const living = await Promise.all(children.map(isAlive));
    return living.includes(true) ? undefined : true;
  });
}

/** The processes that were started by a process, from /proc. */
async function childrenOf(pid: number): Promise<number[]> {
  const children: number[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const status = await readFile(`/proc/${name}/status`, "utf8").catch(() => "");
    if (new RegExp(`^PPid:\\s+${pid}$`, "m").test(status)) children.push(Number(name));
  }
  return children;
}

/** A port on which somebody else listens until the tests are over. */
async function takenPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  scope.defer(() => server.close());
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
