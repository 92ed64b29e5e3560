/** Durable readings a second in packs of 64, against what InfluxDB takes of the same points, if it is installed. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import type { Figure } from "./figure.ts";
import { ORIGIN, startHub } from "./hub.ts";
import { enrolDevices, logIn, sendAll, signAhead } from "./load.ts";

const DEVICES = 20;
const PACKS = 200;
const READINGS = 64;

/** Sends packs of 64 readings until all are durable; then writes as many points to InfluxDB. */
export async function benchPacks(folder: string): Promise<Figure[]> {
  const kerbstone = await readingsPerSecond(folder);
  const influx = await influxPointsPerSecond(folder);
  const what = `durable readings a second, packs of ${READINGS}`;
  const measured = `${Math.round(kerbstone)}/s`;
  if (influx === undefined) return [{ what, measured: `${measured} (influxd is not installed)` }];
  const against = `${Math.round(influx)} points/s of InfluxDB by bulk line protocol`;
  return [{ what, measured, against, ratio: kerbstone / influx }];
}

async function readingsPerSecond(folder: string): Promise<number> {
  const hub = await startHub(folder);
  try {
    const devices = await enrolDevices(hub.folder, ORIGIN, DEVICES);
    const clients = await Promise.all(devices.map((device) => logIn(device, hub.mqttPort)));
    const send = async (packs: number): Promise<number> => {
      const loads = devices.map((device) => signAhead(device, packs, READINGS));
      const start = performance.now();
      await Promise.all(devices.map((device, i) => sendAll(clients[i]!, device, loads[i]!, 16)));
      return (performance.now() - start) / 1000;
    };
    await send(20);
    const seconds = await send(PACKS);
    for (const client of clients) client.close();
    return (DEVICES * PACKS * READINGS) / seconds;
  } finally {
    await hub.program.stop();
  }
}

/** The same number of points, 5000 a request, two requests at a time. */
async function influxPointsPerSecond(folder: string): Promise<number | undefined> {
  const [http, rpc] = [await freePort(), await freePort()];
  const data = `${folder}/influx`;
  await mkdir(data);
  const config = `reporting-disabled = true
bind-address = "127.0.0.1:${rpc}"
[meta]
  dir = "${data}/meta"
[data]
  dir = "${data}/data"
  wal-dir = "${data}/wal"
  query-log-enabled = false
[http]
  bind-address = "127.0.0.1:${http}"
  log-enabled = false
[monitor]
  store-enabled = false
`;
  await writeFile(`${data}/influxdb.conf`, config);
  const influx = spawn("influxd", ["-config", `${data}/influxdb.conf`], { stdio: "ignore" });
  const failed = once(influx, "error").then(() => true);
  const url = `http://127.0.0.1:${http}`;
  try {
    for (;;) {
      const isUp = fetch(`${url}/ping`).then(
        ({ ok }) => ok,
        () => false,
      );
      if (await Promise.race([isUp, failed.then(() => false)])) break;
      if (influx.exitCode !== null || influx.pid === undefined) return undefined;
    }
    await fetch(`${url}/query?q=CREATE%20DATABASE%20bench`, { method: "POST" });
    const bodies = pointBodies();
    const start = performance.now();
    const lane = async (): Promise<void> => {
      for (let body = bodies.pop(); body !== undefined; body = bodies.pop()) {
        const { status } = await fetch(`${url}/write?db=bench&precision=ms`, {
          method: "POST",
          body,
        });
        if (status !== 204) throw new Error(`InfluxDB answered ${status}`);
      }
    };
    const points = DEVICES * PACKS * READINGS;
    await Promise.all([lane(), lane()]);
    return points / ((performance.now() - start) / 1000);
  } finally {
    if (influx.exitCode === null && influx.pid !== undefined) {
      influx.kill("SIGTERM");
      await once(influx, "close");
    }
  }
}

function pointBodies(): string[] {
  const lines: string[] = [];
  const startMs = Date.now() - 1_000_000_000;
  for (let i = 0; i < PACKS * READINGS; i++) {
    for (let device = 0; device < DEVICES; device++) {
      lines.push(
        `air,device=bench-${device} pm25=${10 + (i % 100) / 10},entry=${i}i ${startMs + i * 10}`,
      );
    }
  }
  const bodies: string[] = [];
  for (let at = 0; at < lines.length; at += 5000)
    bodies.push(lines.slice(at, at + 5000).join("\n"));
  return bodies;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
