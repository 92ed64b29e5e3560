/** `kerbstone edge install-service CONFIG`: the agent as a service of systemd, started now and at every boot. */

import { execFile } from "node:child_process";
import { chown, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { execPath } from "node:process";
import { fileURLToPath } from "node:url";
import { decodeUtf8, encodeUtf8 } from "../../ledger/bytes.ts";
import { formatHelp, parseFlags } from "../../platform/command-line.ts";
import type { CommandSpec } from "../../platform/command-line.ts";
import { loadKey } from "../../platform/key-file.ts";
import type { ProgramIo } from "../../platform/lifecycle.ts";
import { UserError } from "../../platform/user-error.ts";
import { loadDevice } from "../settings/device-settings.ts";
import { formatUnit, unitName } from "../service/systemd-unit.ts";
import { watchdogSeconds } from "../service/watchdog.ts";

const spec = {
  usage: "sudo kerbstone edge install-service CONFIG [options]",
  about:
    "Writes a systemd unit for the agent, which then runs as the user that owns its key, enables it and starts it.",
  flags: {
    print: { type: "switch", about: "prints the unit and does nothing else" },
    "no-start": {
      type: "switch",
      about: "writes the unit, and leaves enabling and starting to you",
    },
    user: { type: "text", value: "NAME", about: "the user it runs as; has to own the key" },
    "memory-max": {
      type: "text",
      value: "MIB",
      about: "memory at which it is restarted (256, and as much for each camera)",
    },
    "unit-folder": {
      type: "text",
      value: "DIR",
      about: "where the unit goes (/etc/systemd/system)",
    },
  },
  positionals: { min: 1, max: 1, about: "a device's settings file, such as air-1/edge.toml" },
} as const satisfies CommandSpec;

/** What installing asks of the machine. */
export interface InstallPorts {
  /** The number of the user that owns a file. */
  readonly ownerOf: (path: string) => Promise<number>;
  /** Gives a file to the user and group that own another one. */
  readonly giveAs: (path: string, other: string) => Promise<void>;
  /** Whether systemd runs this machine. */
  readonly hasSystemd: () => Promise<boolean>;
  readonly systemctl: (args: readonly string[]) => Promise<void>;
  /** How this very program is called. */
  readonly command: readonly string[];
}

const SYSTEMCTL_LIMIT_MS = 180_000;
const MEMORY_MIN = 96;
const MEMORY_USUAL = 256;
/** ffmpeg twice, and the transcoder's process. */
const MEMORY_OF_CAMERA = 256;

const systemPorts: InstallPorts = {
  ownerOf: async (path) => (await stat(path)).uid,
  giveAs: async (path, other) => {
    const { uid, gid } = await stat(other);
    await chown(path, uid, gid);
  },
  hasSystemd: () =>
    stat("/run/systemd/system").then(
      () => true,
      () => false,
    ),
  systemctl: (args) =>
    new Promise((done, fail) => {
      execFile("systemctl", [...args], { timeout: SYSTEMCTL_LIMIT_MS }, (error, _, said) => {
        if (error === null) done();
        else
          fail(
            new UserError(`systemctl ${args.join(" ")} failed: ${said.trim()}`, { cause: error }),
          );
      });
    }),
  // One helping thread of V8 instead of four: each has memory of its own, and is woken for every collection.
  command: [
    execPath,
    "--v8-pool-size=1",
    fileURLToPath(new URL("../../bin/kerbstone.js", import.meta.url)),
  ],
};

/** Runs the command. */
export async function installService(
  io: ProgramIo,
  argv: readonly string[],
  ports: InstallPorts = systemPorts,
): Promise<number> {
  const { flags, positionals, help } = parseFlags(argv, spec);
  if (help) {
    io.stdout.write(formatHelp(spec));
    return 0;
  }
  // The service has none of this shell's variables.
  const { file, folder, config } = await loadDevice({ ...io, env: {} }, positionals[0]!);
  const keyPath = resolve(folder, config.key);
  await loadKey(io.files, keyPath);
  const cameras = config.cameras.length;
  const usual = MEMORY_USUAL + MEMORY_OF_CAMERA * cameras;
  const memoryMaxMebibytes = Number(flags["memory-max"] ?? usual);
  if (!(Number.isInteger(memoryMaxMebibytes) && memoryMaxMebibytes >= MEMORY_MIN))
    throw new UserError(`--memory-max needs a whole number from ${MEMORY_MIN}.`);
  const dataFolder = resolve(folder, config.data);
  const unit = formatUnit({
    device: config.name,
    command: [...ports.command, "edge", "run", file],
    user: await userFor(io, ports, keyPath, flags.user),
    dataFolder,
    portGroup: await portGroup(io),
    watchdogSeconds: watchdogSeconds({
      packSeconds: config.pack.seconds,
      reconnectMostMs: config.sending.reconnectMostMs,
    }),
    memoryMaxMebibytes,
    cameras,
  });
  if (flags.print) {
    io.stdout.write(unit);
    return 0;
  }
  const path = resolve(
    io.cwd,
    flags["unit-folder"] ?? "/etc/systemd/system",
    unitName(config.name),
  );
  await writeUnit(io, path, unit);
  // systemd starts nothing whose writable folder is missing, and the agent has made none where it has never run.
  for (const missing of await missingFolders(io, dataFolder)) {
    await io.files.makeFolder(missing, { mode: 0o700 });
    await ports.giveAs(missing, keyPath);
  }
  io.stdout.write(`Wrote ${path}.\n`);
  const name = unitName(config.name);
  if (flags["no-start"] || !(await ports.hasSystemd())) {
    io.stdout.write(`To start it: systemctl daemon-reload && systemctl enable --now ${name}\n`);
    return 0;
  }
  await ports.systemctl(["daemon-reload"]);
  await ports.systemctl(["enable", name]);
  // Not "start": an older version of the unit may be running.
  await ports.systemctl(["restart", name]);
  io.stdout.write(`${config.name} runs as ${name}. Its log: journalctl -u ${name}\n`);
  return 0;
}

async function writeUnit(io: ProgramIo, path: string, unit: string): Promise<void> {
  try {
    await io.files.write(path, encodeUtf8(unit));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (!["EACCES", "EPERM", "EROFS", "ENOENT"].includes(code ?? "")) throw cause;
    throw new UserError(`${path} cannot be written (${code}).`, {
      hint: "Run it with sudo; or give --print, and put the unit where it belongs.",
      cause,
    });
  }
}

/** A folder that is not there, after those above it that are not there either. */
async function missingFolders(
  { files }: Pick<ProgramIo, "files">,
  folder: string,
): Promise<string[]> {
  if (await files.exists(folder)) return [];
  return [...(await missingFolders({ files }, dirname(folder))), folder];
}

const PORT_GROUPS = ["dialout", "uucp"];

/** The group to which this system gives its serial ports. */
async function portGroup({ files }: Pick<ProgramIo, "files">): Promise<string | undefined> {
  const bytes = await files.read("/etc/group");
  if (bytes === undefined) return PORT_GROUPS[0];
  const names = (decodeUtf8(bytes) ?? "").split("\n").map((line) => line.split(":")[0] ?? "");
  return PORT_GROUPS.find((name) => names.includes(name));
}

/** The owner of the key: nobody else may read it. Root is refused, since an agent needs none of its rights. */
async function userFor(
  io: ProgramIo,
  ports: InstallPorts,
  keyPath: string,
  asked: string | undefined,
): Promise<string> {
  const owner = await ports.ownerOf(keyPath);
  const name = (await userNames(io)).get(owner) ?? String(owner);
  const folder = dirname(keyPath);
  if (asked !== undefined && asked !== name) {
    throw new UserError(`The key belongs to ${name}, not to ${asked}, who could not read it.`, {
      hint: `Give it away first: sudo chown -R ${asked} ${folder}`,
    });
  }
  if (owner === 0) {
    throw new UserError("The key belongs to root, and the agent should not run as root.", {
      hint: `Give the folder to another user first: sudo chown -R USER ${folder}`,
    });
  }
  return name;
}

async function userNames(io: ProgramIo): Promise<Map<number, string>> {
  const text = decodeUtf8((await io.files.read("/etc/passwd")) ?? new Uint8Array()) ?? "";
  const rows = text.split("\n").map((line) => line.split(":"));
  return new Map(
    rows.filter((row) => row.length > 2).map(([name = "", , id]) => [Number(id), name]),
  );
}
