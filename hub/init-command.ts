/**
 * `kerbstone hub init`: a data folder with a fresh key and a log of one block (docs/operations.md).
 */

import { resolve } from "node:path";
import { isOrigin } from "../ledger/name.ts";
import { formatHelp, parseFlags } from "../platform/command-line.ts";
import type { CommandSpec } from "../platform/command-line.ts";
import { lockFolder } from "../platform/folder-lock.ts";
import { createKey, loadKey } from "../platform/key-file.ts";
import type { ProgramIo } from "../platform/lifecycle.ts";
import { silentLogger } from "../platform/log.ts";
import type { Files } from "../platform/files.ts";
import { fastestVerify } from "../platform/native-verify.ts";
import { UserError } from "../platform/user-error.ts";
import { HubLog } from "./log.ts";
import { socketPath } from "./operator/protocol.ts";
import { layoutOf } from "./store/layout.ts";
import { vkeyOfLog } from "./vkey.ts";

const spec = {
  usage: "kerbstone hub init --origin NAME [--block-seconds N] [--data DIR]",
  about: "Makes a data folder: the hub's key, and a log that holds its genesis and one seal.",
  flags: {
    data: { type: "text", value: "DIR", about: "the data folder to make (data)" },
    origin: { type: "text", value: "NAME", about: "the log's name, a URL without its scheme" },
    "block-seconds": { type: "text", value: "N", about: "time between seals (300)" },
  },
} as const satisfies CommandSpec;

const BLOCK_SECONDS = 300;

/** The hub's private key, in its data folder. */
export function keyPath(folder: string): string {
  return `${folder}/hub.key`;
}

/** Says whether a data folder holds a log, whole or not. */
export async function hasLog(files: Files, folder: string): Promise<boolean> {
  const { commit, log, journal } = layoutOf(folder);
  if (await files.exists(commit)) return true;
  return (await files.list(log)).length > 0 || (await files.list(journal)).length > 0;
}

/** What is said where there is a log without the key that signs it: a new key would be a wrong one. */
export function lostKey(folder: string): UserError {
  return new UserError(`There is a log in ${folder}, but its key ${keyPath(folder)} is gone.`, {
    hint: "Bring the key back from a backup. Without it nobody can continue this log; a new one needs a folder of its own.",
  });
}

/** Runs the command; prints the log's vkey. */
export async function initHub(io: ProgramIo, argv: readonly string[]): Promise<number> {
  const { flags, help } = parseFlags(argv, spec);
  if (help) {
    io.stdout.write(formatHelp(spec));
    return 0;
  }
  const folder = resolve(io.cwd, flags.data ?? "data");
  const { origin } = flags;
  if (!isOrigin(origin)) {
    throw new UserError("--origin needs the log's name: a URL without its scheme.", {
      hint: "For example --origin sensors.example.org/newport",
    });
  }
  const vkey = await createLog(io, {
    folder,
    origin,
    blockSeconds: secondsOf(flags["block-seconds"]),
  });
  io.stdout.write(`Made the log ${origin} in ${folder}.\nIts vkey is ${vkey}\n`);
  return 0;
}

function secondsOf(text: string | undefined): number {
  if (text === undefined) return BLOCK_SECONDS;
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new UserError(`--block-seconds needs a whole number of seconds, not "${text}".`);
}

/** Makes key and log in a folder that holds no log yet; gives the vkey. A key left by an earlier attempt is used. */
export async function createLog(
  io: Pick<ProgramIo, "files" | "clock" | "random">,
  made: { folder: string; origin: string; blockSeconds: number },
): Promise<string> {
  const { files, clock, random } = io;
  const { folder, origin, blockSeconds } = made;
  // What `run` would stumble over later is refused before anything is made.
  socketPath(folder);
  if (!(await files.exists(keyPath(folder))) && (await hasLog(files, folder))) {
    throw lostKey(folder);
  }
  await files.makeFolder(folder);
  const lock = await lockFolder(folder);
  try {
    const path = keyPath(folder);
    const signer = (await files.exists(path))
      ? await loadKey(files, path)
      : await createKey(files, path, random);
    const parts = { files, folder, signer, verify: fastestVerify, clock, logger: silentLogger };
    const log = await HubLog.create({ ...parts, origin, blockSeconds });
    const vkey = vkeyOfLog(log.state);
    await log.close();
    return vkey;
  } finally {
    await lock.release();
  }
}
