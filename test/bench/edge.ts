/** CPU and memory of an agent that reads ten readings a second. */

import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { askHub } from "../../hub/operator/client.ts";
import { MeasuredProgram, runToEnd } from "./program.ts";
import type { Figure } from "./figure.ts";
import { MemoryCage, peakOf } from "./memory-cage.ts";
import { ORIGIN, startHub } from "./hub.ts";
import { nodeFiles } from "../../platform/files.ts";
import { run as runEdge } from "../../edge/main.ts";
import { systemClock } from "../../platform/clock.ts";
import { systemRandom } from "../../platform/random.ts";
import { exitCodeOf } from "../../platform/lifecycle.ts";

const WARM_UP_S = 10;
const MEASURED_S = 30;
/**
 * What Node itself costs for being woken as often: a machine may take long over a process that has slept, and then every
 * absolute figure is the machine's.
 */
const LISTENER = `
  require("node:net").connect(Number(process.argv[1]), "127.0.0.1").on("data", () => 0);
  setInterval(() => 0, 1000);
  console.log("listens");`;
/** A Raspberry Pi Zero 2, or an older one. */
const SMALL_COMPUTER_MB = 512;

/** Feeds an agent over TCP with lines of a home-made board, against a real hub. */
export async function benchEdge(folder: string): Promise<Figure[]> {
  const hub = await startHub(folder, 10);
  const board = await startBoard();
  const cage = MemoryCage.make(SMALL_COMPUTER_MB);
  const listener = new MeasuredProgram([String(board.port)], undefined, ["-e", LISTENER]);
  let edge: MeasuredProgram | undefined;
  try {
    const settings = await makeDevice(folder, hub.folder, hub.mqttPort, board.port);
    edge = new MeasuredProgram(["edge", "run", settings, "--log-level", "warn"], cage);
    await edge.line(/runs/);
    await listener.line(/listens/);
    await pause(WARM_UP_S * 1000);
    const before = await useOf(edge);
    const idleBefore = await useOf(listener);
    await pause(MEASURED_S * 1000);
    const after = await useOf(edge);
    const idleAfter = await useOf(listener);
    const seconds = after.seconds - before.seconds;
    const idleSeconds = idleAfter.seconds - idleBefore.seconds;
    const wakeUps = after.wakeUps - before.wakeUps;
    const idleWakeUps = idleAfter.wakeUps - idleBefore.wakeUps;
    return [
      {
        what: "agent, 10 readings a second: share of a core",
        measured: `${percent(seconds)} %`,
        against: `${percent(idleSeconds)} % of a Node process that is sent the same lines, and throws them away`,
        ratio: seconds / idleSeconds,
      },
      {
        what: "agent, 10 readings a second: wake-ups of all threads",
        measured: `${perSecond(wakeUps)} a second`,
        against: `${perSecond(idleWakeUps)} of that process`,
        ratio: wakeUps / idleWakeUps,
      },
      {
        what: "agent, 10 readings a second: anonymous memory",
        measured: `${(await edge.anonymousMb()).toFixed(0)} MB`,
        against: "90 MB, the target",
        ratio: (await edge.anonymousMb()) / 90,
      },
      ...(cage === undefined ? [] : [peakOf("agent, 10 readings a second", cage)]),
    ];
  } finally {
    await edge?.stop();
    await listener.stop();
    cage?.remove();
    await board.close();
    await hub.program.stop();
  }
}

/** What a program has used so far. */
async function useOf(program: MeasuredProgram): Promise<{ seconds: number; wakeUps: number }> {
  return { seconds: await program.cpuSeconds(), wakeUps: await program.wakeUps() };
}

function perSecond(count: number): string {
  return (count / MEASURED_S).toFixed(1);
}

function percent(seconds: number): string {
  return ((seconds / MEASURED_S) * 100).toFixed(2);
}

async function startBoard(): Promise<{ port: number; close: () => Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy()).on("close", () => sockets.delete(socket));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  let n = 0;
  const beat = setInterval(() => {
    for (const socket of sockets)
      socket.write(`pm25=${10 + (n % 50) / 10} pm10=${20 + (n % 70) / 10}\n`);
    n++;
  }, 200);
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      clearInterval(beat);
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

async function makeDevice(
  folder: string,
  hubFolder: string,
  mqttPort: number,
  boardPort: number,
): Promise<string> {
  const vkey = ((await askHub(hubFolder, { command: "status" })) as { vkey: string }).vkey;
  let said = "";
  const code = await exitCodeOf(runEdge, {
    argv: [
      "init",
      "--name",
      "bench-edge",
      "--folder",
      `${folder}/edge`,
      "--origin",
      ORIGIN,
      "--vkey",
      vkey,
      "--mqtt",
      `mqtt://127.0.0.1:${mqttPort}`,
      "--hub",
      "http://127.0.0.1:9",

      "--sensor",
      `air:line-protocol=tcp://127.0.0.1:${boardPort}`,
      "--lat",
      "51.5",
      "--lon",
      "-3",
      "--yes",
    ],
    env: {},
    stdout: { write: (text) => (said += text) },
    stderr: process.stderr,
    signal: new AbortController().signal,
    clock: systemClock,
    random: systemRandom,
    files: nodeFiles,
    cwd: process.cwd(),
  });
  const request = /kerbstone hub enrol (\S+)/.exec(said)?.[1];
  if (code !== 0 || request === undefined) throw new Error("edge init failed");
  await runToEnd(["hub", "enrol", request, "--data", hubFolder]);
  return `${folder}/edge/edge.toml`;
}
