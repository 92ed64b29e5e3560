/** An outbox with a year of statements in it, against one with a day: start, memory, and sending it all in order. */

import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { mkdir, writeFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { Outbox } from "../../edge/outbox/outbox.ts";
import { decodeHex } from "../../ledger/bytes.ts";
import { kidHex } from "../../ledger/key.ts";
import { formatVkey, TYPE_ED25519, vkeyOf } from "../../ledger/note.ts";
import { encodePack } from "../../ledger/senml.ts";
import { sha256 } from "../../ledger/sha256.ts";
import type { Signer } from "../../ledger/signature.ts";
import { signStatement } from "../../ledger/statement.ts";
import { nodeFiles } from "../../platform/files.ts";
import { createKey } from "../../platform/key-file.ts";
import { systemRandom } from "../../platform/random.ts";
import type { Figure } from "./figure.ts";
import { median } from "./figure.ts";
import { MemoryCage, peakOf } from "./memory-cage.ts";
import { MeasuredProgram } from "./program.ts";
import { TrustingHub } from "./trusting-hub.ts";

const ORIGIN = "bench.invalid/backlog";
const DEVICE = "bench-backlog";
const ENROLMENT = sha256(new Uint8Array([1]));
/** A pack of ten readings each minute. */
const DAY = 1_440;
const YEAR = 365 * DAY;
const READINGS = 10;
const STARTS = 3;
const SENDING_S = 20;
const SMALL_COMPUTER_MB = 512;
const START_S = Date.parse("2026-01-01") / 1000;

/** Measures both, and the cost of each statement while a backlog is sent at the usual rate and as fast as it goes. */
export async function benchBacklog(folder: string): Promise<Figure[]> {
  const what = "agent, a year's backlog";
  const day = await makeDevice(`${folder}/day`, DAY);
  const year = await makeDevice(`${folder}/year`, YEAR);
  const starts = { day: [] as number[], year: [] as number[] };
  const memory = { day: 0, year: 0 };
  await start(day);
  for (let run = 0; run < STARTS; run++) {
    for (const which of ["day", "year"] as const) {
      const { seconds, mb } = await start(which === "day" ? day : year);
      starts[which].push(seconds);
      memory[which] = mb;
    }
  }
  const [daySent, yearSent] = [await send(day, 10_000), await send(year, 10_000)];
  const cage = MemoryCage.make(SMALL_COMPUTER_MB);
  const caged = cage && (await send(year, 10_000, cage));
  const peak = cage && peakOf(`${what}, sent as fast as it goes`, cage);
  cage?.remove();
  const paced = await send(year, 100);
  return [
    {
      what: "a year's outbox, a pack of ten readings a minute",
      measured: `${(year.bytes / 1e6).toFixed(0)} MB, ${Math.round(year.bytes / YEAR)} bytes a statement`,
      against: `${(day.bytes / 1e6).toFixed(1)} MB of a day`,
    },
    {
      what: `${what}: from start to running`,
      measured: `${median(starts.year).toFixed(2)} s`,
      against: `${median(starts.day).toFixed(2)} s with a day's`,
      ratio: median(starts.year) / median(starts.day),
    },
    {
      what: `${what}: anonymous memory after the start`,
      measured: `${memory.year.toFixed(0)} MB`,
      against: `${memory.day.toFixed(0)} MB with a day's`,
      ratio: memory.year / memory.day,
    },
    {
      what: `${what}: CPU for each statement sent, as fast as it goes (${Math.round(yearSent.perSecond)}/s)`,
      measured: `${yearSent.cpuUs.toFixed(0)} us`,
      against: `${daySent.cpuUs.toFixed(0)} us with a day's`,
      ratio: yearSent.cpuUs / daySent.cpuUs,
    },
    ...(peak === undefined || caged === undefined
      ? []
      : [
          peak,
          {
            what: `${what}: statements sent a second in a cgroup of ${SMALL_COMPUTER_MB} MB`,
            measured: `${Math.round(caged.perSecond)}/s, ${caged.mb.toFixed(0)} MB anonymous`,
            against: `${Math.round(yearSent.perSecond)}/s, ${yearSent.mb.toFixed(0)} MB outside of it`,
            ratio: caged.perSecond / yearSent.perSecond,
          },
        ]),
    {
      what: `${what}: sent at the usual rate (${paced.perSecond.toFixed(0)}/s), share of a core`,
      measured: `${((paced.cpuUs * paced.perSecond) / 1e4).toFixed(2)} %, ${paced.mb.toFixed(0)} MB, ${paced.states} live views in ${SENDING_S} s`,
    },
  ];
}

interface BacklogDevice {
  readonly folder: string;
  readonly kid: string;
  readonly statements: number;
  readonly bytes: number;
  /** A port on which nothing is said. */
  readonly silent: Server;
}

/** Sends for a while from the front of an outbox; what is sent is let go, so each call begins further on. */
async function send(
  device: BacklogDevice,
  statementsPerSecondMax: number,
  cage?: MemoryCage,
): Promise<{ cpuUs: number; perSecond: number; mb: number; states: number }> {
  const outbox = await openOutbox(device.folder, device.kid);
  const stored = Math.max(outbox.oldest, outbox.knownFrom! + 1) - 1;
  const hash = (await outbox.hashAt(stored))!;
  await outbox.close();
  const hub = await TrustingHub.start({ device: DEVICE, kid: device.kid, stored, hash });
  const edge = run(device, hub.port, statementsPerSecondMax, cage);
  try {
    await edge.line(/runs/);
    while (hub.taken === 0) await pause(20);
    await pause(1_000);
    const [cpu, taken, states, began] = [
      await edge.cpuSeconds(),
      hub.taken,
      hub.states,
      performance.now(),
    ];
    const most = device.statements / 2;
    while (performance.now() - began < SENDING_S * 1000 && hub.taken - taken < most)
      await pause(50);
    const sent = hub.taken - taken;
    const seconds = (performance.now() - began) / 1000;
    return {
      cpuUs: (((await edge.cpuSeconds()) - cpu) * 1e6) / sent,
      perSecond: sent / seconds,
      mb: await edge.anonymousMb(),
      states: hub.states - states,
    };
  } finally {
    await edge.stop();
    await hub.close();
  }
}

/** Starts the agent without a hub, and says how long it took. */
async function start(device: BacklogDevice): Promise<{ seconds: number; mb: number }> {
  const began = performance.now();
  const edge = run(device, 9, 100);
  try {
    await edge.line(/runs/);
    const seconds = (performance.now() - began) / 1000;
    await pause(500);
    return { seconds, mb: await edge.anonymousMb() };
  } finally {
    await edge.stop();
  }
}

function run(
  device: BacklogDevice,
  mqttPort: number,
  perSecondMax: number,
  cage?: MemoryCage,
): MeasuredProgram {
  const rate = ["--sending-statements-per-second-max", String(perSecondMax)];
  const mqtt = ["--hub-mqtt", `mqtt://127.0.0.1:${mqttPort}`];
  const quiet = ["--log-level", "error", "--clock-wait-for-sync-seconds", "0"];
  return new MeasuredProgram(
    ["edge", "run", `${device.folder}/edge.toml`, ...mqtt, ...rate, ...quiet],
    cage,
  );
}

async function makeDevice(folder: string, statements: number): Promise<BacklogDevice> {
  await mkdir(folder, { recursive: true });
  const signer = await createKey(nodeFiles, `${folder}/key.pem`, systemRandom);
  const kid = kidHex(signer.publicKey);
  const silent = createServer((socket) => void socket.on("error", () => undefined));
  silent.listen(0, "127.0.0.1").unref();
  await once(silent, "listening");
  const vkey = formatVkey(vkeyOf(ORIGIN, TYPE_ED25519, signer.publicKey));
  const settings = [
    `name = "${DEVICE}"`,
    `origin = "${ORIGIN}"`,
    "[hub]",
    `mqtt = "mqtt://127.0.0.1:9"`,
    `vkey = "${vkey}"`,
    "[position]",
    "lat = 51.5",
    "lon = -3",
    "[outbox]",
    'retention = "stored"',
    "bytesMax = 1000000000",
    "[[sensors]]",
    'stream = "air"',
    'driver = "line-protocol"',
    `address = "tcp://127.0.0.1:${(silent.address() as AddressInfo).port}"`,
  ];
  await writeFile(`${folder}/edge.toml`, `${settings.join("\n")}\n`);
  const bytes = await fill(folder, signer.publicKey, statements);
  return { folder, kid, statements, bytes, silent };
}

/** Writes statements as the agent would, but for their signatures, which nobody here looks at. */
async function fill(folder: string, publicKey: Uint8Array, statements: number): Promise<number> {
  const signer: Signer = { publicKey, sign: () => new Uint8Array(64).fill(7) };
  const payloads = Array.from({ length: 60 }, (_, minute) => payloadOf(START_S + minute * 60));
  const outbox = await openOutbox(folder, kidHex(publicKey));
  await outbox.anchor({ seq: 0, follows: 0, prev: ENROLMENT });
  for (let i = 0; i < statements; i++) {
    const { seq, prev } = outbox.tail!;
    const payload = payloads[i % payloads.length]!;
    const draft = { kind: "readings", stream: "air", iat: START_S + i * 60, payload } as const;
    const { bytes } = signStatement({ issuer: DEVICE, seq, prev }, draft, signer);
    outbox.add({ seq, statement: bytes });
    if (i % 4_000 === 0) await outbox.flush();
  }
  await outbox.flush();
  await outbox.close();
  return outbox.bytes;
}

/** Two values of an SDS011, five times a minute, as it would report them. */
function payloadOf(startS: number): Uint8Array {
  const readings = Array.from({ length: READINGS }, (_, k) => ({
    quantity: k % 2 === 0 ? "pm25" : "pm10",
    unit: "ug/m3",
    value: 10 + ((startS / 60 + k * 7) % 100) / 10,
    time: startS + Math.floor(k / 2) * 12 + 0.123,
  }));
  const clock = { quantity: "clock", value: "ntp", time: startS + 48.123 };
  return encodePack(DEVICE, { lat: 51.5877, lon: -2.9935 }, [...readings, clock]);
}

function openOutbox(folder: string, kid: string): Promise<Outbox> {
  return Outbox.open({ files: nodeFiles, folder: `${folder}/data/outbox`, kid: decodeHex(kid)! });
}
