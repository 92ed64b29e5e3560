/**
 * `kerbstone edge renew CONFIG`: a new key for a device that has to stop using its old one (docs/edge.md, "Stopping").
 *
 * Nothing is destroyed: key and data of the old one are moved aside, unchanged, and the settings stay. What the new
 * enrolment says is taken from the old one, as the hub shows it, and from the settings.
 */

import { chown, rename, rm, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { getuid } from "node:process";
import { kidHex } from "../../ledger/key.ts";
import { REASONS } from "../../ledger/kinds/reason.ts";
import { formatHelp, numberFlag, parseFlags } from "../../platform/command-line.ts";
import type { CommandSpec, FlagValues } from "../../platform/command-line.ts";
import { lockFolder } from "../../platform/folder-lock.ts";
import { createKey, loadKey } from "../../platform/key-file.ts";
import type { ProgramIo } from "../../platform/lifecycle.ts";
import { asUserError } from "../../platform/system-error.ts";
import { UserError } from "../../platform/user-error.ts";
import { askShown } from "../delivery/standing.ts";
import type { ShownDevice } from "../delivery/standing.ts";
import { findStatus } from "../status/status-socket.ts";
import { loadDevice } from "../settings/device-settings.ts";
import type { EdgeConfig } from "../settings/config.ts";
import type { DeviceProfile } from "../../platform/enrolment-request.ts";
import { hubClient } from "./hub-access.ts";
import { makeClaim } from "./claim.ts";
import { claimAsQr } from "./terminal-qr.ts";

const spec = {
  usage: "kerbstone edge renew CONFIG [options]",
  about:
    "Gives a device a new key, where its card was cloned or restored, or its key revoked. The old key and its outbox are moved aside and kept; the settings stay. Prints the claim for the operator.",
  flags: {
    reason: {
      type: "text",
      value: "REASON",
      about: `why the old key is to be revoked: ${REASONS.join(", ")} (replaced)`,
    },
    lat: { type: "text", value: "DEGREES", about: "where the device stands, unless it is known" },
    lon: { type: "text", value: "DEGREES", about: "where the device stands, unless it is known" },
    owner: { type: "text", value: "NAME", about: "who owns the data, unless the hub shows it" },
    model: { type: "text", value: "TEXT", about: "what it is, unless the hub shows it" },
    "every-seconds": {
      type: "text",
      value: "N",
      about: "how often at least it means to speak, unless the hub shows it (60)",
    },
    abandon: {
      type: "switch",
      about: "goes on although the hub does not have all yet that the old key has signed",
    },
    qr: { type: "switch", about: "prints the QR code in any case, however wide" },
  },
  positionals: { min: 1, max: 1, about: "a device's settings file, such as air-1/edge.toml" },
} as const satisfies CommandSpec;

type Flags = FlagValues<typeof spec>;

/** Runs the command; the agent must not be running. What an interrupted attempt has begun, the next one finishes. */
export async function renewEdge(io: ProgramIo, argv: readonly string[]): Promise<number> {
  const { flags, positionals, help } = parseFlags(argv, spec);
  if (help) {
    io.stdout.write(formatHelp(spec));
    return 0;
  }
  const { file, folder, config } = await loadDevice(io, positionals[0]!);
  const reason = flags.reason ?? "replaced";
  if (!REASONS.some((known) => known === reason))
    throw new UserError(`--reason is one of ${REASONS.join(", ")}, not ${reason}.`);
  // Everything that may be refused is looked at before anything is moved.
  const profile = await profileOf(io, config, folder, flags);
  const keyPath = resolve(folder, config.key);
  const data = resolve(folder, config.data);
  const left = await leftBehind(io, data, keyPath);
  if (left !== undefined && !left.isStuck && !flags.abandon) {
    throw new UserError(`The hub does not have yet what this key has signed: ${left.text}.`, {
      hint: "Start the agent until `kerbstone edge status` says that all is stored, then renew. With --abandon it is kept aside, and never sent.",
      exitCode: 1,
    });
  }
  const giveAway = await ownerOf(keyPath);
  const moved = await setAside(io, data, keyPath);
  const signer = await createKey(io.files, keyPath, io.random);
  // The service's unit names the folder as one that it may write: without it systemd starts nothing.
  await io.files.makeFolder(data, { mode: 0o700 });
  for (const path of [keyPath, data]) await giveAway(path);
  const claim = await makeClaim(io.files, folder, profile, signer);
  for (const path of moved) io.stdout.write(`Kept ${path}.\n`);
  if (left !== undefined)
    io.stdout.write(`In there, and not at the hub as far as this device knows: ${left.text}.\n`);
  io.stdout.write(
    `Made a new key. Have the operator run, on the hub, unless the old key is revoked already:\n\n` +
      `kerbstone hub revoke ${config.name} --reason ${reason}\n\nand then:\n\n` +
      `kerbstone hub enrol ${claim}\n\n` +
      claimAsQr(io.stdout, claim, flags.qr) +
      `Then start the device: kerbstone edge run ${file}\n`,
  );
  return 0;
}

/** What a key has signed that its hub had not acknowledged when the agent last said how it was. */
interface LeftBehind {
  /** Such as "4 statements, 3 to 6". */
  readonly text: string;
  /** This key cannot send them any more: the device has stopped, or the hub refuses its login. */
  readonly isStuck: boolean;
}

async function leftBehind(
  { files }: ProgramIo,
  data: string,
  keyPath: string,
): Promise<LeftBehind | undefined> {
  const status = (await findStatus(files, data).catch(() => undefined))?.status;
  if (status?.nextSeq === undefined || !(await files.exists(keyPath))) return undefined;
  // After an attempt that was cut short the status is another key's.
  if (status.kid !== kidHex((await loadKey(files, keyPath)).publicKey)) return undefined;
  const { storedSeq, nextSeq, halted, isLoginRefused } = status;
  const count = nextSeq - 1 - storedSeq;
  if (count <= 0) return undefined;
  const numbers = count === 1 ? String(storedSeq + 1) : `${storedSeq + 1} to ${nextSeq - 1}`;
  return {
    text: `${count} ${count === 1 ? "statement" : "statements"}, ${numbers}`,
    isStuck: halted !== undefined || isLoginRefused === true,
  };
}

/** Gives paths to whoever owns the old key, where root runs the command: the agent runs as that user, and has to read the new one. */
async function ownerOf(keyPath: string): Promise<(path: string) => Promise<void>> {
  const owner = await stat(keyPath).catch(() => undefined);
  if (owner === undefined || getuid?.() !== 0) return () => Promise.resolve();
  return (path) => chown(path, owner.uid, owner.gid);
}

/**
 * Moves data folder and key aside, each to a name beside its own, in this order: a key without its outbox signs nothing.
 * Gives where they are now.
 */
async function setAside({ files }: ProgramIo, data: string, keyPath: string): Promise<string[]> {
  if (!(await files.exists(keyPath))) return [];
  const suffix = `.retired-${kidHex((await loadKey(files, keyPath)).publicKey)}`;
  const moved: string[] = [];
  if (await files.exists(data)) {
    const lock = await lockFolder(data);
    try {
      moved.push(await move(files, data, data + suffix));
    } finally {
      await lock.release();
    }
    await rm(`${moved[0]}/.lock`, { recursive: true, force: true });
  }
  moved.push(await move(files, keyPath, keyPath + suffix));
  return moved;
}

/** Moves to a path, or where that is taken by an earlier attempt, to the next one that is free. Gives where to. */
async function move(files: ProgramIo["files"], from: string, to: string): Promise<string> {
  let target = to;
  for (let n = 2; await files.exists(target); n++) target = `${to}-${n}`;
  try {
    await rename(from, target);
  } catch (cause) {
    throw new UserError(
      `${from} cannot be moved to ${target}: ${asUserError(cause)?.message ?? `${(cause as Error).message}.`}`,
      {
        cause,
        exitCode: 1,
      },
    );
  }
  return target;
}

/** What the enrolment is to say: as the hub shows the old one, unless the flags say otherwise. */
async function profileOf(
  io: ProgramIo,
  config: EdgeConfig,
  folder: string,
  flags: Flags,
): Promise<DeviceProfile> {
  const { name, origin, visibility, position, sensors, cameras } = config;
  const shown = await shownByHub(io, config, folder);
  const own = [...sensors, ...cameras].map(({ stream }) => stream);
  const streams = new Set([...(shown?.streams ?? []), ...own]);
  return {
    origin,
    name,
    streams: [...streams],
    visibility,
    everySeconds: numberFlag("every-seconds", flags["every-seconds"], {
      min: 1,
      max: 31_536_000,
      preset: shown?.everySeconds ?? 60,
    }),
    owner: flags.owner ?? shown?.owner ?? undefined,
    lat: numberFlag("lat", flags.lat, {
      min: -90,
      max: 90,
      preset: position?.lat ?? shown?.lat ?? undefined,
    }),
    lon: numberFlag("lon", flags.lon, {
      min: -180,
      max: 180,
      preset: position?.lon ?? shown?.lon ?? undefined,
    }),
    model: flags.model ?? shown?.model ?? undefined,
  };
}

/** The old enrolment, if the hub can be asked and still shows it. */
async function shownByHub(
  io: ProgramIo,
  config: EdgeConfig,
  folder: string,
): Promise<ShownDevice | undefined> {
  const { signal } = io;
  const { url } = config.hub;
  if (url === undefined) return undefined;
  const client = await hubClient(io, config, folder);
  const shown = await askShown(client, url, config.name, signal).catch(() => undefined);
  if (shown === undefined) io.stderr.write(`${url} cannot be asked for the old enrolment.\n`);
  return shown === "unknown" ? undefined : shown;
}
