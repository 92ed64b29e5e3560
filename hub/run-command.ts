/**
 * `kerbstone hub run`: the hub as a program, with its port, its operator socket and its worker threads.
 */

import { createPrivateKey, X509Certificate } from "node:crypto";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { createSecureContext } from "node:tls";
import { fileURLToPath } from "node:url";
import { decodeUtf8 } from "../ledger/bytes.ts";
import { NO_QUORUM } from "../ledger/policy.ts";
import type { Policy } from "../ledger/policy.ts";
import { formatHelp, parseFlags } from "../platform/command-line.ts";
import type { Clock } from "../platform/clock.ts";
import type { CommandSpec } from "../platform/command-line.ts";
import { lockFolder } from "../platform/folder-lock.ts";
import { readGivenFile } from "../platform/given-file.ts";
import { loadKey } from "../platform/key-file.ts";
import { HttpClient } from "../platform/http-client.ts";
import { Shutdown } from "../platform/lifecycle.ts";
import type { ProgramIo } from "../platform/lifecycle.ts";
import { pinoLogger } from "../platform/log.ts";
import type { Logger } from "../platform/log.ts";
import { fastestVerify } from "../platform/native-verify.ts";
import { openFilesMax } from "../platform/open-files.ts";
import { readPolicyFile } from "../platform/policy-file.ts";
import { UserError } from "../platform/user-error.ts";
import { VerifyPool } from "../platform/verify-pool.ts";
import { connectionBudget } from "./api/connection-budget.ts";
import type { ConnectionBudget } from "./api/connection-budget.ts";
import { deviceKey } from "./api/device-view.ts";
import { EVENT_STREAM_LIMITS } from "./api/event-stream.ts";
import type { EventStreamLimits } from "./api/event-stream.ts";
import { readPageFiles } from "./api/page-files.ts";
import { SERVER_LIMITS } from "./api/server.ts";
import { listenMqtt } from "./broker/listener.ts";
import type { Listener, ListenOptions } from "./broker/listener.ts";
import { BROKER_LIMITS } from "./broker/broker.ts";
import { hubFlags, loadHubSettings } from "./config.ts";
import type { HubSettings } from "./config.ts";
import { Cosigning } from "./cosigning.ts";
import { Hub } from "./hub.ts";
import { hasLog, keyPath, lostKey } from "./init-command.ts";
import { HubLog } from "./log.ts";
import { HubMetrics } from "./metrics.ts";
import { refuseIfBehind } from "./mirrors.ts";
import { operatorCommands } from "./operator/commands.ts";
import { serveOperator } from "./operator/server.ts";
import { viewerCommands } from "./operator/viewer-commands.ts";
import { previewLimitsFor } from "./preview/limits.ts";
import { InfluxTarget, parseInfluxUrl } from "./projections/influx-target.ts";
import { rebuildCommand } from "./projections/rebuild.ts";
import { HubServices } from "./services.ts";
import { timedFiles } from "./timed-files.ts";

/** Where `npm run build` puts the page, seen from the compiled program. */
const PAGE_FOLDER = fileURLToPath(new URL("../web", import.meta.url));

const spec: CommandSpec = {
  usage: "kerbstone hub run [--config FILE] [options]",
  about: "Runs the hub on a data folder that `kerbstone hub init` has made.",
  flags: {
    config: { type: "text", value: "FILE", about: "reads settings from a TOML file" },
    ...hubFlags,
  },
};

/** How long a mirror may take to say how far it is, before the first seal. */
const MIRROR_LIMIT_MS = 5000;

/** Runs the command until it is asked to stop. */
export async function runHub(io: ProgramIo, argv: readonly string[]): Promise<number> {
  const { flags, help } = parseFlags(argv, spec);
  if (help) {
    io.stdout.write(formatHelp(spec));
    return 0;
  }
  const file = typeof flags["config"] === "string" ? resolve(io.cwd, flags["config"]) : undefined;
  const settings = await loadHubSettings(io, flags, file);
  const logger = pinoLogger("hub", settings.logLevel, {
    write: (line) => void io.stderr.write(line),
  });
  const shutdown = new Shutdown({ signal: io.signal, clock: io.clock, logger });
  try {
    await startHub(io, settings, logger, shutdown);
    await shutdown.asked();
  } catch (error) {
    // Parts of a hub whose disk has failed may fail to stop as well; the first error says why.
    await shutdown.stop().catch(() => undefined);
    throw error;
  }
  await shutdown.stop();
  return 0;
}

/** Starts all parts, each registered with `shutdown` as soon as it runs. */
async function startHub(
  io: ProgramIo,
  settings: HubSettings,
  logger: Logger,
  shutdown: Shutdown,
): Promise<void> {
  const { clock, random } = io;
  const metrics = new HubMetrics(clock);
  const files = timedFiles(io.files, clock, (seconds) => metrics.observeSync(seconds));
  const folder = resolve(io.cwd, settings.data);
  const policy = await policyOf(io, settings);
  const hasQuorum = policy !== undefined && policy.quorum !== NO_QUORUM;
  const log = await openLog({ ...io, files }, { ...settings, hasQuorum }, folder, logger, shutdown);
  const workerCount = settings.verifyWorkers ?? workersFor(availableParallelism());
  const workers = workerCount > 0 ? new VerifyPool(workerCount) : undefined;
  if (workers !== undefined) shutdown.add("verify workers", () => workers.close());
  const verify = fastestVerify;
  const cosigning =
    policy &&
    (await Cosigning.open({ log, policy, verify, files, folder: `${folder}/cosigned`, logger }));
  const connections = await connectionsOf(io, settings, logger);
  const client = new HttpClient({ clock, random, timeoutMs: MIRROR_LIMIT_MS, attemptsMax: 2 });
  const hub = await Hub.open({
    log,
    files,
    folder,
    clock,
    logger,
    verify,
    workers,
    cosigned: hasQuorum ? cosigning : undefined,
    beforeFirstSeal: policy && (() => refuseIfBehind({ log, policy, client, verify, logger })),
    ackIntervalMs: settings.ackIntervalMs,
    onDecision: (decision) => metrics.countDecision(decision),
    brokerLimits: { ...BROKER_LIMITS, connectionsMax: connections.mqtt },
  });
  shutdown.add("hub", () => hub.close());
  hub.failure.catch((error: unknown) => shutdown.fail(error));
  const listener = await openPort(io, settings, hub, connections.mqtt);
  shutdown.add("MQTT port", () => listener.close());
  const services = await HubServices.open({
    hub,
    files,
    folder,
    clock,
    random,
    logger,
    metrics,
    cosigning,
    influx: influxTarget(settings, clock),
    page: await readPageFiles(files, PAGE_FOLDER),
    mqttPort: listener.port,
    serverLimits: { ...SERVER_LIMITS, connectionsMax: connections.http },
    streamLimits: streamLimitsFor(connections),
    previewLimits: previewLimitsFor(connections.http),
  });
  shutdown.add("services", () => services.close());
  await openOperator(io, folder, { hub, services, logger, shutdown });
  const httpPort = await services.listen(settings.http.host, settings.http.port);
  io.stdout.write(`Hub of ${log.state.origin} on ${folder}\n`);
  io.stdout.write(`vkey ${hub.vkey}\nMQTT ${settings.mqtt.host}:${listener.port}\n`);
  io.stdout.write(`HTTP ${settings.http.host}:${httpPort}\n`);
}

/** Opens the socket for the operator's commands. */
async function openOperator(
  io: ProgramIo,
  folder: string,
  parts: { hub: Hub; services: HubServices; logger: Logger; shutdown: Shutdown },
): Promise<void> {
  const { hub, services, logger, shutdown } = parts;
  const { clock, random } = io;
  const isOnline = (device: string): boolean | undefined => hub.presence.isOnline(device);
  const status = (): ReturnType<Hub["status"]> => hub.status();
  const isDevice = (name: string): boolean => deviceKey(hub.log.state.registry, name) !== undefined;
  const commands = {
    ...operatorCommands({ log: hub.log, clock, random, isOnline, status }),
    ...viewerCommands({ previews: services.previews, clock, isDevice }),
    rebuild: rebuildCommand(services.projections),
  };
  const operator = await serveOperator(folder, commands, logger);
  shutdown.add("operator socket", () => operator.close());
}

function influxTarget(settings: HubSettings, clock: Clock): InfluxTarget | undefined {
  const { url } = settings.influx;
  return url === undefined ? undefined : new InfluxTarget(parseInfluxUrl(url), clock);
}

/** Fits the connections that are wanted into the files that this process may open. */
async function connectionsOf(
  io: ProgramIo,
  settings: HubSettings,
  logger: Logger,
): Promise<ConnectionBudget> {
  const files = await openFilesMax(io.files);
  const wanted = { mqtt: settings.mqtt.connectionsMax, http: SERVER_LIMITS.connectionsMax };
  const budget = connectionBudget(files, wanted);
  if (budget.mqtt < wanted.mqtt || budget.http < wanted.http) {
    logger.info(
      { files, wanted, taken: budget },
      "the limit on open files allows fewer connections",
    );
  }
  return budget;
}

/** Readers of events stay as long as they like: half of the connections are kept for everybody else. */
function streamLimitsFor({ http }: ConnectionBudget): EventStreamLimits {
  const readersMax = Math.min(EVENT_STREAM_LIMITS.readersMax, Math.floor(http / 2));
  return { ...EVENT_STREAM_LIMITS, readersMax };
}

/** On few cores a worker competes with the main thread for the same processors, and handing work over costs. */
function workersFor(cores: number): number {
  return Math.max(0, Math.min(4, cores - 2));
}

/** Reads the policy that the settings name. */
async function policyOf(io: ProgramIo, settings: HubSettings): Promise<Policy | undefined> {
  if (settings.policy === undefined) return undefined;
  return readPolicyFile(io.files, resolve(io.cwd, settings.policy));
}

async function openLog(
  io: ProgramIo,
  settings: HubSettings & { hasQuorum: boolean },
  folder: string,
  logger: Logger,
  shutdown: Shutdown,
): Promise<HubLog> {
  const { files, clock } = io;
  if (!(await files.exists(keyPath(folder)))) {
    if (await hasLog(files, folder)) throw lostKey(folder);
    throw new UserError(`There is no hub in ${folder}.`, {
      hint: `Make one: kerbstone hub init --data ${settings.data} --origin NAME`,
    });
  }
  const lock = await lockFolder(folder);
  shutdown.add("folder lock", () => lock.release());
  const signer = await loadKey(files, keyPath(folder));
  const { origin, blockSeconds, hasQuorum } = settings;
  const parts = { files, folder, signer, verify: fastestVerify, clock, logger };
  return HubLog.open({ ...parts, origin, blockSeconds, hasQuorum });
}

async function openPort(
  io: ProgramIo,
  settings: HubSettings,
  hub: Hub,
  connectionsMax: number,
): Promise<Listener> {
  const { host, port } = settings.mqtt;
  const options: ListenOptions = { host, port, connectionsMax, tls: await tlsOf(io, settings) };
  return listenMqtt(options, (socket) => hub.accept(socket));
}

async function tlsOf(io: ProgramIo, settings: HubSettings): Promise<ListenOptions["tls"]> {
  const { certFile, keyFile } = settings.mqtt;
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined) {
    throw new UserError("TLS needs both mqtt.certFile and mqtt.keyFile.");
  }
  const cert = await pem(io, certFile);
  const key = await pem(io, keyFile);
  refuseUnless(() => new X509Certificate(cert), `${certFile} holds no certificate in PEM.`);
  refuseUnless(
    () => createPrivateKey(key),
    `${keyFile} holds no private key in PEM without a passphrase.`,
  );
  refuseUnless(
    () => createSecureContext({ cert, key }),
    `TLS cannot use ${certFile} with ${keyFile}: the key must be that of the certificate.`,
  );
  return { cert, key };
}

/** Gives a sentence in place of what OpenSSL says. */
function refuseUnless(check: () => unknown, sentence: string): void {
  try {
    check();
  } catch (cause) {
    throw new UserError(sentence, { cause });
  }
}

async function pem(io: ProgramIo, path: string): Promise<string> {
  return decodeUtf8(await readGivenFile(io.files, resolve(io.cwd, path))) ?? "";
}
