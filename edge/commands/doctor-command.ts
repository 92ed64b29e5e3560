/**
 * `kerbstone edge doctor CONFIG`: looks at everything that a device needs, and says what to do about what is missing.
 *
 * Harmless: it changes nothing, and leaves alone the ports and the login of an agent that runs, whose own word it takes.
 */

import { userInfo } from "node:os";
import { dirname, resolve } from "node:path";
import type { Signer } from "../../ledger/signature.ts";
import { formatHelp, parseFlags } from "../../platform/command-line.ts";
import type { CommandSpec } from "../../platform/command-line.ts";
import { freeBytes } from "../../platform/free-space.ts";
import { loadKey } from "../../platform/key-file.ts";
import type { ProgramIo } from "../../platform/lifecycle.ts";
import { silentLogger } from "../../platform/log.ts";
import { loadDevice } from "../settings/device-settings.ts";
import type { DeviceSettings } from "../settings/device-settings.ts";
import type { EdgeConfig } from "../settings/config.ts";
import type { ProbePorts } from "../cameras/camera-probe.ts";
import type { CameraCase } from "./camera-diagnosis.ts";
import { find, formatFindings, judgeClock, judgeSpace, judgeStatus } from "./diagnosis.ts";
import type { Finding } from "./diagnosis.ts";
import { checkHub, logIn } from "./hub-diagnosis.ts";
import { checkSensor } from "./sensor-diagnosis.ts";
import { Lines } from "../sensors/lines/connect.ts";
import type { LanAccess } from "../sensors/lines/lan-access.ts";
import { openLan, viaOf } from "../settings/lan.ts";
import { hubConnector } from "./hub-access.ts";
import { findStatus } from "../status/status-socket.ts";
import type { ConnectTo } from "../sensors/lines/connect.ts";
import { checkRetention, trustOf } from "../settings/trust.ts";
import { systemTimeSync } from "../time/time-sync.ts";
import type { AskTimeSync } from "../time/time-sync.ts";
import { readPolicyText } from "../../platform/policy-file.ts";

const spec = {
  usage: "kerbstone edge doctor CONFIG",
  about:
    "Looks at a device: key, settings, disk, clock, ports, cameras, hub, login, outbox. Says of each whether it is well, what is wrong, and what to do. 0 if nothing is wrong, else 1.",
  flags: {},
  positionals: { min: 1, max: 1, about: "a device's settings file, such as air-1/edge.toml" },
} as const satisfies CommandSpec;

/** What the doctor asks of the machine, besides `ProgramIo`. */
export interface DoctorPorts {
  /** Gives what opens the lines of an agent whose LAN is this. */
  readonly lines: (io: ProgramIo, lan: LanAccess) => ConnectTo;
  /** Bytes free for this user on the disk of a folder that is there. */
  readonly freeBytes: (folder: string) => Promise<number>;
  readonly userName: () => string;
  readonly askTimeSync: AskTimeSync;
  /** What cameras are looked at with, real ones unless given. */
  readonly cameras?: ProbePorts;
}

const systemPorts: DoctorPorts = {
  lines: ({ clock, random }, lan) =>
    new Lines({ clock, random, logger: silentLogger }).connectTo(lan),
  freeBytes,
  userName: () => userInfo().username,
  askTimeSync: systemTimeSync,
};

/** Runs the command. */
export async function runDoctor(
  io: ProgramIo,
  argv: readonly string[],
  ports: DoctorPorts = systemPorts,
): Promise<number> {
  const { positionals, help } = parseFlags(argv, spec);
  if (help) {
    io.stdout.write(formatHelp(spec));
    return 0;
  }
  const findings: Finding[] = [];
  let device: DeviceSettings | undefined;
  findings.push(
    await find("settings", async () => {
      device = await loadDevice(io, positionals[0]!);
      return `${device.config.name}, for ${device.config.origin}`;
    }),
  );
  if (device !== undefined) findings.push(...(await examine(io, ports, device)));
  // What was given up is not wrong.
  io.signal.throwIfAborted();
  io.stdout.write(formatFindings(findings));
  return findings.some(({ level }) => level === "wrong") ? 1 : 0;
}

async function examine(
  io: ProgramIo,
  ports: DoctorPorts,
  { config, folder }: DeviceSettings,
): Promise<Finding[]> {
  const data = resolve(folder, config.data);
  const found = await findStatus(io.files, data).catch((error: unknown) => error as Error);
  const status = found instanceof Error ? undefined : found;
  const findings: Finding[] = [];
  const look = async (...args: Parameters<typeof find>): Promise<void> => {
    findings.push(await find(...args));
  };
  let signer: Signer | undefined;
  await look("key", async () => {
    signer = await loadKey(io.files, resolve(folder, config.key));
    return "is there, for its owner alone";
  });
  await look(
    "trust",
    () => checkTrust(io, config, folder),
    "Ask the operator for vkey and policy.",
  );
  await look("data folder", () => checkFolder(io, data), dataRemedy(ports, data));
  let free = 0;
  await look("disk", async () => {
    const freeBytes = await ports.freeBytes(await nearestFolder(io, data));
    free = freeBytes;
    return judgeSpace(freeBytes, status?.status.outboxBytes ?? 0, config.outbox.bytesMax);
  });
  const hub = await checkHub(io, config, folder);
  findings.push(...hub.findings);
  const notBeforeMs = Date.parse(config.clock.notBefore);
  await look("clock", async () =>
    judgeClock(io.clock.nowMs(), notBeforeMs, hub.dateMs, await ports.askTimeSync()),
  );
  const lan = await openLan(io.files, config.lan, folder).catch((error: unknown) => error as Error);
  if (lan instanceof Error) await look("lan", () => Promise.reject(lan));
  const connect = ports.lines(io, lan instanceof Error ? {} : lan);
  for (const [at, sensor] of config.sensors.entries()) {
    const isTried = viaOf(sensor) === undefined || !(lan instanceof Error);
    findings.push(
      isTried
        ? await checkSensor(io, connect, config.sensors, sensor, at, status)
        : { subject: `sensor ${at + 1}`, level: "unsure", text: "not tried, see lan" },
    );
  }
  if (config.cameras.length > 0) {
    const about = { io, config, folder, dataFolder: data, status, freeBytes: free };
    findings.push(...(await examineCameras(about, ports.cameras)));
  }
  if (found instanceof Error)
    await look(
      "agent",
      () => Promise.reject(found),
      "Run this as the user that the agent runs as.",
    );
  else findings.push(...judgeStatus(found, io.clock.nowMs()));
  // Nor beside one that could not be asked: a second login would throw it out.
  if (found instanceof Error || found?.isLive === true || found?.unheard !== undefined)
    return findings;
  if (signer !== undefined) {
    const connect = await hubConnector(io, config, folder).catch(() => undefined);
    if (connect) await look("login", () => logIn(io, config, folder, signer!, connect));
  }
  return findings;
}

/** What looks at cameras is loaded only where there are any. */
async function examineCameras(
  about: Omit<CameraCase, "ports">,
  given: ProbePorts | undefined,
): Promise<Finding[]> {
  const { checkCameras } = await import("./camera-diagnosis.ts");
  const { systemCameraPorts } = await import("./camera-ports.ts");
  return checkCameras({ ...about, ports: given ?? systemCameraPorts(about.io) });
}

async function checkTrust(io: ProgramIo, config: EdgeConfig, folder: string): Promise<string> {
  const { hub, origin, outbox } = config;
  const text =
    hub.policy === undefined
      ? undefined
      : await readPolicyText(io.files, resolve(folder, hub.policy));
  checkRetention(outbox.retention, trustOf({ origin, vkey: hub.vkey, policy: text }));
  return text === undefined ? "vkey pinned, no quorum" : "vkey and policy pinned";
}

async function checkFolder(io: ProgramIo, data: string): Promise<string> {
  const folder = await nearestFolder(io, data);
  const path = `${folder}/.doctor`;
  await io.files.write(path, new Uint8Array(1));
  await io.files.remove(path);
  return folder === data ? `${data} can be written` : `${data} can be made`;
}

async function nearestFolder(io: ProgramIo, folder: string): Promise<string> {
  let at = folder;
  while (at !== dirname(at) && !(await io.files.exists(at))) at = dirname(at);
  return at;
}

function dataRemedy(ports: DoctorPorts, data: string): string {
  return `The user ${ports.userName()} has to own it: sudo chown -R ${ports.userName()} ${data}`;
}
