/**
 * `kerbstone hub rebuild index|influx`: throws away what was made out of the log, and makes it again.
 *
 * Where a hub runs on the data folder, it is asked to do so and goes on serving meanwhile. Where none does, the command
 * does it itself and tells when it is done. The log is only read.
 */

import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { formatHelp, parseFlags } from "../../platform/command-line.ts";
import type { CommandSpec } from "../../platform/command-line.ts";
import { lockFolder } from "../../platform/folder-lock.ts";
import { loadKey } from "../../platform/key-file.ts";
import type { ProgramIo } from "../../platform/lifecycle.ts";
import { pinoLogger } from "../../platform/log.ts";
import type { Logger } from "../../platform/log.ts";
import { fastestVerify } from "../../platform/native-verify.ts";
import { UserError } from "../../platform/user-error.ts";
import { hubFlags, loadHubSettings } from "../config.ts";
import type { HubSettings } from "../config.ts";
import { keyPath } from "../init-command.ts";
import { HubLog } from "../log.ts";
import { askHub } from "../operator/client.ts";
import type { OperatorCommand } from "../operator/server.ts";
import { mirrorCursorPath, projectionsPath } from "../services.ts";
import { InfluxTarget, parseInfluxUrl } from "./influx-target.ts";
import { Projections } from "./projections.ts";
import type { Rebuildable } from "./projections.ts";

const spec: CommandSpec = {
  usage: "kerbstone hub rebuild index|influx [--config FILE] [options]",
  about:
    "Throws away the index, or the mirror in InfluxDB with its whole database, and makes it again from the log.",
  flags: {
    config: { type: "text", value: "FILE", about: "reads settings from a TOML file" },
    ...hubFlags,
  },
  positionals: { min: 1, max: 1, about: "what is to be made again, index or influx" },
};

/** What a running hub answers. */
interface RebuildReply {
  /** Entries that are taken again. */
  readonly entries: number;
}

/** Runs the command. */
export async function rebuildHub(io: ProgramIo, argv: readonly string[]): Promise<number> {
  const { flags, positionals, help } = parseFlags(argv, spec);
  if (help) {
    io.stdout.write(formatHelp(spec));
    return 0;
  }
  const what = rebuildable(positionals[0]);
  const file = typeof flags["config"] === "string" ? resolve(io.cwd, flags["config"]) : undefined;
  const settings = await loadHubSettings(io, flags, file);
  const folder = resolve(io.cwd, settings.data);
  const begun = await askRunningHub(folder, what);
  if (begun !== undefined) {
    io.stdout.write(
      `The running hub has thrown the ${what} away and makes it again from ${begun.entries} entries.\n` +
        "How far it is: kerbstone_hub_projection_lag_entries at its /metrics.\n",
    );
    return 0;
  }
  const entries = await rebuildHere(io, settings, folder, what);
  io.stdout.write(`Threw the ${what} away and made it again from ${entries} entries.\n`);
  return 0;
}

/** The operator's command of a running hub: resolves when what was there is gone, and making it again has begun. */
export function rebuildCommand(projections: Projections): OperatorCommand {
  return async (request): Promise<RebuildReply> => {
    const what = rebuildable(request["what"]);
    if (what === "influx" && projections.mirror === undefined) throw noInflux();
    await projections.rebuild(what);
    return { entries: projections.feed.size };
  };
}

function rebuildable(what: unknown): Rebuildable {
  if (what === "index" || what === "influx") return what;
  throw new UserError(`"${String(what)}" cannot be made again.`, {
    hint: "Expected index or influx.",
  });
}

function noInflux(): UserError {
  return new UserError("There is no InfluxDB to fill.", {
    hint: "Name one: --influx-url http://127.0.0.1:8086/kerbstone",
  });
}

/** Asks the hub of a data folder; `undefined` where none runs. */
async function askRunningHub(folder: string, what: Rebuildable): Promise<RebuildReply | undefined> {
  try {
    return (await askHub(folder, { command: "rebuild", what })) as RebuildReply;
  } catch (error) {
    const cause = error instanceof UserError ? (error.cause as { code?: string } | undefined) : {};
    if (cause?.code === "ENOENT" || cause?.code === "ECONNREFUSED") return undefined;
    throw error;
  }
}

async function rebuildHere(
  io: ProgramIo,
  settings: HubSettings,
  folder: string,
  what: Rebuildable,
): Promise<number> {
  const { url } = settings.influx;
  if (what === "influx" && url === undefined) throw noInflux();
  const { files, clock } = io;
  const logger = pinoLogger("hub", settings.logLevel, {
    write: (line) => void io.stderr.write(line),
  });
  const lock = await lockFolder(folder);
  try {
    // The index of entries goes too: opening the log makes it again.
    if (what === "index") await rm(join(folder, "index"), { recursive: true, force: true });
    const signer = await loadKey(files, keyPath(folder));
    const verify = fastestVerify;
    const parts = { files, folder, signer, verify, clock, logger, hasQuorum: true };
    const log = await HubLog.open(parts);
    try {
      return await fill(io, log, folder, { what, url, logger });
    } finally {
      await log.close();
    }
  } finally {
    await lock.release();
  }
}

async function fill(
  io: ProgramIo,
  log: HubLog,
  folder: string,
  task: { what: Rebuildable; url: string | undefined; logger: Logger },
): Promise<number> {
  const { files, clock, random, signal } = io;
  const { what, url, logger } = task;
  const target = url === undefined ? undefined : new InfluxTarget(parseInfluxUrl(url), clock);
  const projections = await Projections.open({
    log,
    files,
    indexPath: projectionsPath(folder),
    mirrorPath: mirrorCursorPath(folder),
    influx: what === "influx" ? target : undefined,
    clock,
    random,
    logger,
  });
  try {
    if (what === "influx") await projections.rebuild("influx");
    await projections.settled(signal, what);
    return projections.feed.size;
  } finally {
    await projections.close();
  }
}
