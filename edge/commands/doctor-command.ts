/**
 * `kerbstone edge doctor CONFIG`: looks at everything that a device needs, and says what to do about what is missing.
 *
 * Harmless: it changes nothing, and leaves alone the ports and the login of an agent that runs, whose own word it takes.
 */

import { userInfo } from "node:os";
import { dirname, resolve } from "node:path";
import type { IClientOptions } from "mqtt";
import { z } from "zod";
import { decodeUtf8 } from "../../ledger/bytes.ts";
import { kidHex } from "../../ledger/key.ts";
import type { Signer } from "../../ledger/signature.ts";
import { formatHelp, parseFlags } from "../../platform/command-line.ts";
import type { CommandSpec } from "../../platform/command-line.ts";
import { freeBytes } from "../../platform/free-space.ts";
import { HttpClient } from "../../platform/http-client.ts";
import { loadKey } from "../../platform/key-file.ts";
import type { ProgramIo } from "../../platform/lifecycle.ts";
import { silentLogger } from "../../platform/log.ts";
import { UserError } from "../../platform/user-error.ts";
import { loadEdgeConfig } from "../settings/config.ts";
import type { EdgeConfig, SensorConfig } from "../settings/config.ts";
import type { ProbePorts } from "../cameras/camera-probe.ts";
import type { CameraCase } from "./camera-diagnosis.ts";
import {
  explainRefusedLogin,
  find,
  formatFindings,
  judgeClock,
  judgeSpace,
  judgeStatus,
} from "./diagnosis.ts";
import type { Finding } from "./diagnosis.ts";
import { DRIVERS } from "../sensors/drivers/drivers.ts";
import type { ConnectHub } from "../delivery/hub-connection.ts";
import { Lines } from "../sensors/lines/connect.ts";
import type { LanAccess } from "../sensors/lines/lan-access.ts";
import { lineAddressOf, openLan, viaOf } from "../settings/lan.ts";
import { explainPortError } from "../sensors/lines/port-fault.ts";
import { signLoginToken } from "../../ledger/login-token.ts";
import { askShown, standingOf } from "../delivery/standing.ts";
import type { Standing } from "../delivery/standing.ts";
import { hubConnector } from "./hub-access.ts";
import { findStatus } from "../status/status-socket.ts";
import type { FoundStatus } from "../status/status-socket.ts";
import type { ConnectTo } from "../sensors/lines/connect.ts";
import type { Connect } from "../sensors/lines/line.ts";
import { checkRetention, trustOf } from "../settings/trust.ts";
import { systemTimeSync } from "../time/time-sync.ts";
import type { AskTimeSync } from "../time/time-sync.ts";
import { readPolicyText } from "../../platform/policy-file.ts";

const spec = {
  usage: "kerbstone edge doctor CONFIG",
  about:
    "Looks at a device: key, settings, disk, clock, ports, cameras, hub, login, outbox. Says of each whether it is well, what is wrong, and what to do. 0 if nothing is wrong, else 1.",
  flags: {},
  positionals: { min: 1, max: 1 },
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

const LIMIT_MS = 10_000;

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
  const file = resolve(io.cwd, positionals[0]!);
  const findings: Finding[] = [];
  let config: EdgeConfig | undefined;
  findings.push(
    await find("settings", async () => {
      config = await loadEdgeConfig({ file, env: io.env, flags: {}, files: io.files });
      return `${config.name}, for ${config.origin}`;
    }),
  );
  if (config !== undefined) findings.push(...(await examine(io, ports, config, dirname(file))));
  io.stdout.write(formatFindings(findings));
  return findings.some(({ level }) => level === "wrong") ? 1 : 0;
}

async function examine(
  io: ProgramIo,
  ports: DoctorPorts,
  config: EdgeConfig,
  folder: string,
): Promise<Finding[]> {
  const data = resolve(folder, config.data);
  const status = await findStatus(io.files, data);
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
  const hub = await checkHub(io, config);
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
  findings.push(...judgeStatus(status, io.clock.nowMs()));
  if (status?.isLive === true) return findings;
  if (signer !== undefined) {
    const connect = await hubConnector(io, config, folder).catch(() => undefined);
    if (connect) await look("login", () => logIn(io, config, signer!, connect));
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

const logShape = z.object({ origin: z.string(), vkey: z.string() });

/** Asks the hub who it is, and for the time. */
async function checkHub(
  io: ProgramIo,
  { hub, origin }: EdgeConfig,
): Promise<{ findings: Finding[]; dateMs: number | undefined }> {
  const { url } = hub;
  if (url === undefined) {
    const text = "hub.url is not set, so the hub is not asked over HTTP";
    return { findings: [{ subject: "hub", level: "unsure", text }], dateMs: undefined };
  }
  const { clock, random, signal } = io;
  let dateMs: number | undefined;
  const finding = await find(
    "hub",
    async () => {
      const client = new HttpClient({ clock, random, timeoutMs: LIMIT_MS, attemptsMax: 1 });
      const reply = await client.get(`${url.replace(/\/$/, "")}/api/v1/log`, { signal });
      const saidMs = Date.parse(reply.headers.get("date") ?? "");
      dateMs = Number.isNaN(saidMs) ? undefined : saidMs;
      const said = logShape.safeParse(parseJson(decodeUtf8(reply.body) ?? ""));
      if (!said.success) throw new UserError(`${url} answers, and is no hub`);
      if (said.data.origin !== origin)
        throw new UserError(`${url} is the hub of ${said.data.origin}, not of ${origin}`);
      if (said.data.vkey !== hub.vkey)
        throw new UserError(`${url} shows another key than the pinned one: ${said.data.vkey}`, {
          hint: "Do not go on before the operator has explained it.",
        });
      return `${url} answers, with the pinned key`;
    },
    "Check the network (`ping`), the address in hub.url, and whether the hub runs.",
  );
  return { findings: [finding], dateMs };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function checkSensor(
  io: ProgramIo,
  connect: ConnectTo,
  all: readonly SensorConfig[],
  sensor: SensorConfig,
  at: number,
  status: FoundStatus | undefined,
): Promise<Finding> {
  const kind = DRIVERS.get(sensor.driver)!;
  const subject = `sensor ${at + 1}`;
  const options = kind.options.safeParse(sensor.options);
  if (!options.success) {
    const text = options.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
    return { subject, level: "wrong", text: `its options do not fit: ${text.join("; ")}` };
  }
  const address = lineAddressOf(kind, sensor.address);
  const isWire = address.kind === "serial" || address.kind === "tcp";
  if (isWire && all.findIndex((other) => other.address === sensor.address) < at)
    return {
      subject,
      level: "wrong",
      text: `${sensor.address} is named twice`,
      remedy: "Give each sensor its own port, by /dev/serial/by-id, or by-path for two alike.",
    };
  if (status?.isLive === true) return judgeRunning(subject, status.status.sensors[at]);
  const fault = await openOnce(io, () => connect(address, io), sensor.address);
  if (fault) return { subject, level: "wrong", ...fault };
  const isNumbered = /^(serial:)?\/dev\/tty(USB|ACM)\d/.test(sensor.address);
  return {
    subject,
    level: isNumbered ? "unsure" : "ok",
    text: `${sensor.address} can be ${isWire ? "opened" : "heard"}`,
    ...(isNumbered
      ? { remedy: "This name may change with the order of plugging in: use /dev/serial/by-id/…" }
      : {}),
  };
}

function judgeRunning(
  subject: string,
  sensor: FoundStatus["status"]["sensors"][number] | undefined,
): Finding {
  if (sensor === undefined)
    return { subject, level: "unsure", text: "is new in the settings: restart the agent" };
  const { state, address, quantities, parts = [] } = sensor;
  const failing = parts.filter((part) => part.state !== "ok").map(({ name }) => name);
  if (state === "ok" && failing.length > 0) {
    const text = `${address} is read, but not ${failing.join(", ")}`;
    return { subject, level: "unsure", text, remedy: "See docs/drivers.md, about its driver." };
  }
  if (state === "ok") return { subject, level: "ok", text: `${address} is read` };
  const text = `${address} is ${state}${quantities.length > 0 ? `: ${quantities.join(", ")}` : ""}`;
  const remedy =
    'See docs/edge.md, "How a sensor is"; with the agent stopped, edge test-sensor listens to it.';
  return { subject, level: "wrong", text, remedy };
}

/** Opens a port and closes it again; gives what is wrong. */
async function openOnce(
  io: ProgramIo,
  connectLine: () => Connect,
  text: string,
): Promise<{ text: string; remedy: string } | undefined> {
  const limit = new AbortController();
  const cancel = io.clock.after(LIMIT_MS, () => {
    limit.abort(new Error(`did not open within ${LIMIT_MS} ms`));
  });
  try {
    const connect = connectLine();
    const events = { bytes: () => undefined, closed: () => undefined };
    const connection = await connect(events, AbortSignal.any([io.signal, limit.signal]));
    await connection.close();
    return undefined;
  } catch (error) {
    return explainPortError(text, error);
  } finally {
    cancel();
  }
}

const NO_REASON = {
  text: "",
  remedy: "Is it enrolled under this name with this key, and its clock right? Ask the operator.",
};

/** How the device stands with the hub; `undefined` where that cannot be asked. */
async function standingAt(
  { clock, random, signal }: ProgramIo,
  url: string,
  name: string,
  kid: string,
): Promise<Standing | undefined> {
  const client = new HttpClient({ clock, random, timeoutMs: LIMIT_MS, attemptsMax: 1 });
  const shown = await askShown(client, url, name, signal).catch(() => undefined);
  return shown && standingOf(shown, kid);
}

/** Logs in as the device would, and leaves again. Not while the agent runs: the broker would throw it out. */
async function logIn(
  io: ProgramIo,
  config: EdgeConfig,
  signer: Signer,
  connect: ConnectHub,
): Promise<string> {
  const { name: device, origin, hub } = config;
  const issuedAt = Math.floor(io.clock.nowMs() / 1000);
  const options: IClientOptions = {
    clientId: device,
    username: device,
    password: signLoginToken({ device, origin, issuedAt }, signer),
    protocolVersion: 4,
    clean: true,
    reconnectPeriod: 0,
    connectTimeout: LIMIT_MS,
  };
  const client = connect(options);
  let cancel = (): void => undefined;
  try {
    await new Promise<void>((done, fail) => {
      cancel = io.clock.after(LIMIT_MS, () => fail(new Error("no answer to the login")));
      client.once("connect", () => done());
      client.once("close", () => fail(new Error("the connection was closed")));
      client.on("error", fail);
    });
    return `accepted at ${hub.mqtt}`;
  } catch (error) {
    throw await explainLogin(io, config, kidHex(signer.publicKey), error);
  } finally {
    cancel();
    client.end(true);
  }
}

async function explainLogin(
  io: ProgramIo,
  { hub, name }: EdgeConfig,
  kid: string,
  cause: unknown,
): Promise<UserError> {
  const url = hub.mqtt;
  const { message, code } = cause as { message?: string; code?: unknown };
  if (code === 4 || code === 5) {
    const standing = hub.url === undefined ? undefined : await standingAt(io, hub.url, name, kid);
    const { text, remedy } = standing === undefined ? NO_REASON : explainRefusedLogin(standing);
    return new UserError(`${url} refuses the login of this device${text}`, { hint: remedy, cause });
  }
  const isTls = /certificate|self[- ]signed|CERT|SSL|TLS/i.test(`${message ?? ""} ${String(code)}`);
  return new UserError(
    `${url}: ${message === undefined || message === "" ? String(code) : message}`,
    {
      hint: isTls
        ? "Name the authority behind the hub's certificate as hub.ca."
        : "Check the address in hub.mqtt, the network, and whether a firewall lets the port through.",
      cause,
    },
  );
}
