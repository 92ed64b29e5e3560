/**
 * `kerbstone edge run CONFIG…`: agents as a program, one for each settings file, all in one process.
 */

import { resolve } from "node:path";
import { pid } from "node:process";
import type { ProgramIo } from "../../platform/lifecycle.ts";
import { formatHelp, parseFlags } from "../../platform/command-line.ts";
import type { CommandSpec } from "../../platform/command-line.ts";
import { lockFolder } from "../../platform/folder-lock.ts";
import { Shutdown } from "../../platform/lifecycle.ts";
import { pinoLogger } from "../../platform/log.ts";
import type { Logger } from "../../platform/log.ts";
import type { Agent } from "../agent.ts";
import { announcerOf } from "./announce.ts";
import { openAgent } from "./open-agent.ts";
import { settingFlagsOfEdge } from "../settings/config.ts";
import { loadDevice } from "../settings/device-settings.ts";
import type { EdgeConfig } from "../settings/config.ts";
import { formatMetrics } from "../status/exposition.ts";
import { Lines } from "../sensors/lines/connect.ts";
import { openLan } from "../settings/lan.ts";
import { formatListenAddress, parseListenAddress } from "../../platform/listen-address.ts";
import { keepServing } from "../status/metrics-server.ts";
import { metricsOf, pushMetricsOf } from "../status/metrics.ts";
import { Progress } from "../status/progress.ts";
import { ServiceNotice, systemdNotify } from "../service/service-notice.ts";
import { watchdogSeconds } from "../service/watchdog.ts";
import { serveStatus } from "../status/status-socket.ts";
import { rememberTimeSync, systemTimeSync } from "../time/time-sync.ts";

const spec = {
  usage: "kerbstone edge run CONFIG… [options]",
  about:
    "Reads sensors, signs what they say, and sends it to the hub. Flags hold for every CONFIG.",
  flags: settingFlagsOfEdge(),
  positionals: { min: 1, max: 1_000, about: "a device's settings file, such as air-1/edge.toml" },
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
  let patienceMs = 0;
  try {
    for (const path of positionals) {
      const { config, folder } = await loadDevice(io, path, flags);
      const logger = pinoLogger(config.name, config.logLevel, destination);
      const lock = await lockFolder(resolve(folder, config.data));
      shutdown.add(`lock of ${config.name}`, () => lock.release());
      const agent = await openAgent(io, config, folder, logger, lines, askTimeSync);
      const run = agent.run(shutdown.signal);
      run.catch((error: unknown) => shutdown.fail(error));
      agents.push(agent);
      const { pack, sending } = config;
      const pace = { packSeconds: pack.seconds, reconnectMostMs: sending.reconnectMostMs };
      patienceMs = Math.max(patienceMs, watchdogSeconds(pace) * 1000);
      await shareStatus(agent, resolve(folder, config.data), shutdown, logger);
      if (config.metrics !== undefined) {
        // "9464" and "127.0.0.1:9464" are one address.
        const address = formatListenAddress(parseListenAddress(config.metrics)!);
        served.set(address, [...(served.get(address) ?? []), agent]);
      }
      shutdown.add(config.name, () => run);
      await announce(io, agent, config, folder, shutdown, logger);
      io.stdout.write(`${config.name} runs, for ${config.origin}\n`);
    }
    for (const [address, agents] of served) {
      const render = (): string => {
        const statuses = agents.map((agent) => agent.status());
        return formatMetrics([...metricsOf(statuses), ...pushMetricsOf(lines.pushes())]);
      };
      const listens = (url: string): void => void io.stdout.write(`metrics at ${url}\n`);
      const parts = { address: parseListenAddress(address)!, render, clock: io.clock, listens };
      const serving = keepServing({ ...parts, logger: ownLogger }, shutdown.signal);
      shutdown.add("metrics", () => serving);
    }
    watch(io, agents, patienceMs, shutdown, ownLogger);
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
  patienceMs: number,
  shutdown: Shutdown,
  logger: Logger,
): void {
  const told = { env, processId: pid, watchdogMsMin: patienceMs, notify: systemdNotify };
  const notice = new ServiceNotice({ ...told, clock, logger });
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

/** Lets `edge status` and `edge doctor` ask the running agent. Without it they have the file, which may be ten minutes old. */
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
