/**
 * `kerbstone start`: a small city on one machine, every part as its own program (docs/operations.md).
 *
 * Hub, two peers that cosign, simulated boards that speak real protocols over TCP, and an agent for each. What they do
 * is in one data folder and goes on from there at the next start.
 */

import { resolve } from "node:path";
import { formatHelp, parseFlags } from "../../platform/command-line.ts";
import type { FlagValues } from "../../platform/command-line.ts";
import { lockFolder } from "../../platform/folder-lock.ts";
import type { ProgramIo } from "../../platform/lifecycle.ts";
import { UserError } from "../../platform/user-error.ts";
import { City } from "./city.ts";
import { choosePort } from "./ports.ts";

const SPEC = {
  usage: "npm start -- [options]",
  about: "Runs a small city on this machine: hub, two peers, simulated sensors and their agents.",
  flags: {
    http: { type: "text", value: "PORT", about: "port of page and API (8080, or a free one)" },
    mqtt: { type: "text", value: "PORT", about: "port for devices (1883, or a free one)" },
    data: { type: "text", value: "DIR", about: "folder that holds everything (data)" },
    "block-seconds": { type: "text", value: "N", about: "time between blocks (10)" },
    origin: { type: "text", value: "NAME", about: "the log's name (localhost/newport)" },
    influx: { type: "text", value: "URL", about: "mirrors values into this InfluxDB database" },
    seed: { type: "text", value: "SEED", about: "repeats the simulated city" },
    "no-sim": { type: "switch", about: "runs hub and peers only" },
  },
} as const;

/** Runs `kerbstone start …` until it is asked to stop. */
export async function run(io: ProgramIo): Promise<number> {
  const { flags, help } = parseFlags(io.argv, SPEC);
  if (help) {
    io.stdout.write(formatHelp(SPEC));
    return 0;
  }
  const folder = resolve(io.cwd, flags.data ?? "data");
  await io.files.makeFolder(folder);
  const lock = await lockFolder(folder);
  try {
    const city = new City(io, { folder, ...(await settingsOf(io, flags)) });
    return await live(io, city);
  } finally {
    await lock.release();
  }
}

async function settingsOf(
  io: ProgramIo,
  flags: FlagValues<typeof SPEC>,
): Promise<Omit<ConstructorParameters<typeof City>[1], "folder">> {
  const blockSeconds = flags["block-seconds"];
  if (blockSeconds !== undefined && !/^[1-9]\d{0,4}$/.test(blockSeconds)) {
    throw new UserError(`--block-seconds needs a whole number from 1, not "${blockSeconds}".`);
  }
  const http = await choosePort("--http", flags.http, 8080);
  const mqtt = await choosePort("--mqtt", flags.mqtt, 1883);
  if (http.isSubstitute) io.stdout.write(`Port 8080 is taken; the page is on ${http.port}.\n`);
  if (mqtt.isSubstitute) io.stdout.write(`Port 1883 is taken; devices use ${mqtt.port}.\n`);
  return {
    httpPort: http.port,
    mqttPort: mqtt.port,
    blockSeconds: blockSeconds === undefined ? undefined : Number(blockSeconds),
    origin: flags.origin,
    influxUrl: flags.influx,
    seed: flags.seed,
    hasSim: !flags["no-sim"],
  };
}

/** Starts the city, waits for the end, and stops what was started, also when starting failed half-way. */
async function live(io: ProgramIo, city: City): Promise<number> {
  try {
    await city.start();
    const stopped = new Promise<undefined>((done) => {
      if (io.signal.aborted) done(undefined);
      io.signal.addEventListener("abort", () => done(undefined), { once: true });
    });
    const fallen = await Promise.race([stopped, city.fallen()]);
    if (fallen === undefined) {
      io.stdout.write("Stopping …\n");
      return 0;
    }
    throw new UserError(`${fallen}. Its log is in ${city.logs}.`, { exitCode: 1 });
  } finally {
    await city.stop();
  }
}
