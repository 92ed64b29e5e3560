/**
 * `kerbstone edge run CONFIG…`: agents as a program, one for each settings file, all in one process.
 */

import { Buffer } from "node:buffer";
import { uptime } from "node:os";
import { dirname, resolve } from "node:path";
import { pid } from "node:process";
import { connect } from "mqtt";
import { kidHex } from "../../ledger/key.ts";
import type { Clock } from "../../platform/clock.ts";
import type { ProgramIo } from "../../platform/lifecycle.ts";
import { formatHelp, parseFlags } from "../../platform/command-line.ts";
import type { CommandSpec } from "../../platform/command-line.ts";
import { lockFolder } from "../../platform/folder-lock.ts";
import { HttpClient } from "../../platform/http-client.ts";
import { loadKey } from "../../platform/key-file.ts";
import { Shutdown } from "../../platform/lifecycle.ts";
import { pinoLogger } from "../../platform/log.ts";
import type { Logger } from "../../platform/log.ts";
import { fastestVerify } from "../../platform/native-verify.ts";
import { UserError } from "../../platform/user-error.ts";
import { Agent } from "../agent.ts";
import type { AgentParts, SensorSetup } from "../agent.ts";
import { announcerOf } from "./announce.ts";
import type { MakeCameras } from "../cameras/cameras.ts";
import { previewUrlOf } from "../cameras/preview-address.ts";
import type { CameraAccess } from "../cameras/rtsp/camera-access.ts";
import { freeBytes } from "../../platform/free-space.ts";
import { loadEdgeConfig, settingFlagsOfEdge } from "../settings/config.ts";
import type { EdgeConfig, SensorConfig } from "../settings/config.ts";
import { DRIVERS } from "../sensors/drivers/drivers.ts";
import { formatMetrics } from "../status/exposition.ts";
import type { ConnectHub } from "../delivery/hub-connection.ts";
import { askShown, standingOf } from "../delivery/standing.ts";
import type { Standing } from "../delivery/standing.ts";
import { Lines } from "../sensors/lines/connect.ts";
import type { ConnectTo } from "../sensors/lines/connect.ts";
import { lineAddressOf, openLan, viaOf } from "../settings/lan.ts";
import { parseListenAddress } from "../../platform/listen-address.ts";
import { serveMetrics } from "../status/metrics-server.ts";
import { metricsOf, pushMetricsOf } from "../status/metrics.ts";
import { Progress } from "../status/progress.ts";
import { ServiceNotice, systemdNotify } from "../service/service-notice.ts";
import { serveStatus } from "../status/status-socket.ts";
import { rememberTimeSync, systemTimeSync } from "../time/time-sync.ts";
import type { AskTimeSync } from "../time/time-sync.ts";
import { checkRetention, trustOf } from "../settings/trust.ts";
import { readPolicyText } from "../../platform/policy-file.ts";

const spec = {
  usage: "kerbstone edge run CONFIG… [options]",
  about:
    "Reads sensors, signs what they say, and sends it to the hub. Flags hold for every CONFIG.",
  flags: settingFlagsOfEdge(),
  positionals: { min: 1, max: 1_000 },
} satisfies CommandSpec;

/** All agents of the process share an answer for so long. */
const SYNC_ANSWER_KEPT_MS = 10_000;

/** Runs the command until it is asked to stop. */
export async function runEdge(io: ProgramIo, argv: readonly string[]): Promise<number> {
  const { flags, positionals, help } = parseFlags(argv, spec);
  if (help) {
    io.stdout.write(formatHelp(spec));
    return 0;
  }
  const destination = { write: (line: string) => void io.stderr.write(line) };
  const ownLogger = pinoLogger("edge", "info", destination);
  const shutdown = new Shutdown({ signal: io.signal, clock: io.clock, logger: ownLogger });
  const askTimeSync = rememberTimeSync(systemTimeSync, io.clock, SYNC_ANSWER_KEPT_MS);
  const lines = new Lines({ clock: io.clock, random: io.random, logger: ownLogger });
  const agents: Agent[] = [];
  /** Agents by the address at which their metrics are served. */
  const served = new Map<string, Agent[]>();
  try {
    for (const path of positionals) {
      const file = resolve(io.cwd, path);
      const config = await loadEdgeConfig({ file, env: io.env, flags, files: io.files });
      const logger = pinoLogger(config.name, config.logLevel, destination);
      const lock = await lockFolder(resolve(dirname(file), config.data));
      shutdown.add(`lock of ${config.name}`, () => lock.release());
      const agent = await openAgent(io, config, dirname(file), logger, lines, askTimeSync);
      const run = agent.run(shutdown.signal);
      run.catch((error: unknown) => shutdown.fail(error));
      agents.push(agent);
      await shareStatus(agent, resolve(dirname(file), config.data), shutdown, logger);
      if (config.metrics !== undefined)
        served.set(config.metrics, [...(served.get(config.metrics) ?? []), agent]);
      shutdown.add(config.name, () => run);
      await announce(io, agent, config, dirname(file), shutdown, logger);
      io.stdout.write(`${config.name} runs, for ${config.origin}\n`);
    }
    for (const [address, agents] of served) {
      const render = (): string => {
        const statuses = agents.map((agent) => agent.status());
        return formatMetrics([...metricsOf(statuses), ...pushMetricsOf(lines.pushes())]);
      };
      const server = await serveMetrics(parseListenAddress(address)!, render);
      shutdown.add("metrics", () => server.close());
      io.stdout.write(`metrics at ${server.url}\n`);
    }
    watch(io, agents, shutdown, ownLogger);
    await shutdown.asked();
  } finally {
    await shutdown.stop();
  }
  return 0;
}

/** Tells systemd, where it has started this, that all agents are there, and then as long as all of them get on. */
function watch(
  { env, clock }: Pick<ProgramIo, "env" | "clock">,
  agents: readonly Agent[],
  shutdown: Shutdown,
  logger: Logger,
): void {
  const notice = new ServiceNotice({ env, processId: pid, notify: systemdNotify, clock, logger });
  const followed = agents.map((agent) => ({ agent, progress: new Progress(), isDue: false }));
  const hasProgressed = (): boolean => {
    for (const one of followed) one.isDue = one.progress.look(one.agent.status()) || one.isDue;
    if (!followed.every(({ isDue }) => isDue)) return false;
    for (const one of followed) one.isDue = false;
    return true;
  };
  const feeding = notice.ready().then(() => notice.feed(hasProgressed, shutdown.signal));
  shutdown.add("systemd", () => feeding);
}

/** Tells Home Assistant of an agent, where its settings say so. */
async function announce(
  { files, clock }: Pick<ProgramIo, "files" | "clock">,
  agent: Agent,
  config: EdgeConfig,
  folder: string,
  shutdown: Shutdown,
  logger: Logger,
): Promise<void> {
  if (!config.homeAssistant.enabled) return;
  const { broker } = await openLan(files, config.lan, folder);
  const announcing = announcerOf(agent, config, broker!, { clock, logger }).run(shutdown.signal);
  shutdown.add(`Home Assistant of ${config.name}`, () => announcing);
}

/** Lets `edge status` and `edge doctor` ask the running agent. Without it they have the file, which is older. */
async function shareStatus(
  agent: Agent,
  dataFolder: string,
  shutdown: Shutdown,
  logger: Logger,
): Promise<void> {
  try {
    const server = await serveStatus(dataFolder, () => agent.status());
    shutdown.add("status", () => server.close());
  } catch (error) {
    logger.info({ error }, "no live status: the data folder holds no sockets");
  }
}

/** Makes the agent of a settings file in `folder`, whose data folder is the caller's to lock, on lines that it shares. */
export async function openAgent(
  io: Pick<ProgramIo, "files" | "clock" | "random">,
  config: EdgeConfig,
  folder: string,
  logger: Logger,
  lines: Lines,
  askTimeSync: AskTimeSync = systemTimeSync,
): Promise<Agent> {
  const { files, clock, random } = io;
  const { hub, origin, outbox } = config;
  const policyText =
    hub.policy === undefined ? undefined : await readPolicyText(files, resolve(folder, hub.policy));
  const policy = trustOf({ origin, vkey: hub.vkey, policy: policyText });
  checkRetention(outbox.retention, policy);
  const notBeforeMs = Date.parse(config.clock.notBefore);
  const connect = lines.connectTo(await openLan(files, config.lan, folder));
  const signer = await loadKey(files, resolve(folder, config.key));
  return Agent.open({
    device: config.name,
    origin,
    signer,
    policy,
    verify: fastestVerify,
    retention: outbox.retention,
    isRestricted: config.visibility === "restricted",
    position: config.position,
    pack: config.pack,
    outboxBytesMax: outbox.bytesMax,
    waitingReadingsMax: outbox.waitingReadingsMax,
    notBeforeMs,
    // NTP has had its chance since the machine was switched on, not since this program was started.
    waitForSyncMs: Math.max(0, config.clock.waitForSyncSeconds - uptime()) * 1000,
    askTimeSync,
    sensors: config.sensors.map((sensor, at) => sensorOf(sensor, at, notBeforeMs, clock, connect)),
    ...(await camerasOf(io, config, folder, logger)),
    ...(await previewsOf(io, config, folder)),
    connectHub: await hubConnector(io, config, folder),
    ...(hub.url === undefined
      ? {}
      : {
          askHubTime: timeAsker(io, hub.url),
          askStanding: standingAsker(io, hub.url, config.name, kidHex(signer.publicKey)),
        }),
    sending: config.sending,
    dataFolder: resolve(folder, config.data),
    files,
    clock,
    random,
    logger,
  });
}

function sensorOf(
  config: SensorConfig,
  at: number,
  notBeforeMs: number,
  clock: Clock,
  connect: ConnectTo,
): SensorSetup {
  const kind = DRIVERS.get(config.driver)!;
  const options = kind.options.safeParse(config.options);
  if (!options.success) {
    const faults = options.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
    throw new UserError(`sensors[${at}].options do not fit ${kind.name}: ${faults.join("; ")}.`);
  }
  const silentMs = config.silentSeconds === undefined ? kind.silentMs : config.silentSeconds * 1000;
  return {
    stream: config.stream,
    driverName: kind.name,
    address: config.address,
    driver: kind.create(config.options, { notBeforeMs }),
    connect: connect(lineAddressOf(kind, config.address), { clock }),
    via: viaOf(config),
    ...(silentMs === undefined ? {} : { silentMs }),
    ...(config.stuckSeconds === undefined ? {} : { stuckMs: config.stuckSeconds * 1000 }),
  };
}

/** What records cameras is loaded only where there are any. */
async function camerasOf(
  { files, clock, random }: Pick<ProgramIo, "files" | "clock" | "random">,
  config: EdgeConfig,
  folder: string,
  logger: Logger,
): Promise<{ makeCameras?: MakeCameras; gapStream?: string }> {
  const { name: device, cameras, ffmpeg, sensors, data } = config;
  const [first] = cameras;
  if (first === undefined) return {};
  const { Cameras } = await import("../cameras/cameras.ts");
  const { RtspDoor } = await import("../cameras/rtsp/rtsp-door.ts");
  const { startNodeChild: startChild } = await import("../cameras/node-child.ts");
  const { cameraSetup } = await import("../settings/camera-setup.ts");
  const setups = await Promise.all(cameras.map((camera) => cameraSetup(files, folder, camera)));
  const ground = {
    device,
    folder: `${resolve(folder, data)}/cameras`,
    ffmpeg,
    openDoor: (access: CameraAccess) => RtspDoor.open({ access, clock, random }),
    startChild,
    freeBytes,
    files,
    clock,
    random,
    logger,
  };
  return {
    makeCameras: (surroundings) => new Cameras(setups, ground, surroundings),
    gapStream: sensors[0]?.stream ?? first.stream,
  };
}

/** Makes what connects to a device's hub. Rejects with `UserError` where the authority's file is missing. */
export async function hubConnector(
  io: Pick<ProgramIo, "files">,
  { hub }: EdgeConfig,
  folder: string,
): Promise<ConnectHub> {
  const ca = await readAuthority(io, hub, folder);
  const tls = ca === undefined ? {} : { ca: Buffer.from(ca) };
  return (options) => connect(hub.mqtt, { ...options, ...tls });
}

async function readAuthority(
  { files }: Pick<ProgramIo, "files">,
  { ca }: EdgeConfig["hub"],
  folder: string,
): Promise<Uint8Array | undefined> {
  if (ca === undefined) return undefined;
  const path = resolve(folder, ca);
  const pem = await files.read(path);
  if (pem === undefined) throw new UserError(`There is no file ${path}.`);
  return pem;
}

/** Where the live pictures of the cameras go. Rejects with `UserError` where the hub's address does not do for them. */
async function previewsOf(
  io: Pick<ProgramIo, "files">,
  { hub, cameras }: EdgeConfig,
  folder: string,
): Promise<Pick<AgentParts, "previewAddress">> {
  if (cameras.every(({ preview }) => preview === undefined)) return {};
  const found = previewUrlOf(hub.url);
  if ("fault" in found) throw new UserError(`${found.fault}.`);
  const pem = await readAuthority(io, hub, folder);
  const ca = pem === undefined ? undefined : Buffer.from(pem).toString("utf8");
  return { previewAddress: { url: found.url, ca } };
}

/** Asks the hub's HTTP server for the time; a second's grain is enough for a last resort. */
function timeAsker(
  { clock, random }: Pick<ProgramIo, "clock" | "random">,
  url: string,
): (signal: AbortSignal) => Promise<number | undefined> {
  const client = new HttpClient({ clock, random, timeoutMs: 10_000, attemptsMax: 1 });
  return async (signal) => {
    const { headers } = await client.get(new URL("healthz", withSlash(url)).href, { signal });
    const timeMs = Date.parse(headers.get("date") ?? "");
    return Number.isNaN(timeMs) ? undefined : timeMs;
  };
}

/** Asks the hub's HTTP server how a device stands with it. */
function standingAsker(
  { clock, random }: Pick<ProgramIo, "clock" | "random">,
  url: string,
  device: string,
  kid: string,
): (signal: AbortSignal) => Promise<Standing> {
  const client = new HttpClient({ clock, random, timeoutMs: 10_000, attemptsMax: 1 });
  return async (signal) => standingOf(await askShown(client, url, device, signal), kid);
}

function withSlash(url: string): string {
  return url.endsWith("/") ? url : `${url}/`;
}
