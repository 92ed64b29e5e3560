/**
 * The whole way of a reading, through real programs: bytes that real sensors once sent, over serial lines, into the
 * agent, by MQTT into the hub, into a sealed block, into InfluxDB, to two peers, and out again as evidence.
 *
 * What was recorded is known from elsewhere: the particle sensor's values from the recorder's own CSV file, the
 * receiver's fixes from what gpsd makes of the same bytes.
 */
import { NOTES } from "../../ledger/quantity.ts";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { decodeBase64, encodeBase64 } from "../../ledger/bytes.ts";
import { decodePack } from "../../ledger/senml.ts";
import type { Pack } from "../../ledger/senml.ts";
import { Refusal } from "../../ledger/errors.ts";
import { EdgeProgram } from "../support/edge-program.ts";
import { HubProgram } from "../support/hub-program.ts";
import { influxRows } from "../support/influx-points.ts";
import { kerbstone, runKerbstone, startKerbstone } from "../support/kerbstone.ts";
import { readLog } from "../support/log-folder.ts";
import { PeerProgram, writePolicy } from "../support/peer-program.ts";
import { eventually } from "../support/process.ts";
import { influxd, socat, startInflux, startSerialPair } from "../support/programs.ts";
import type { InfluxServer } from "../support/programs.ts";
import { lacks } from "../support/requirements.ts";
import { testScope } from "../support/scope.ts";
import { describeWithShared, sharedFile, sharedText } from "../support/shared-data.ts";

const SDS011 = "data/pypms-captures/captured_data/SDS01x";
const RECEIVER = "data/gpsd-nmea/neo-m8n.log";
const NAME = "kingsway";
const DATABASE = "kerbstone";

/** An entry as the hub's API shows it, as far as it is looked at here. */
interface Entry {
  readonly index: number;
  readonly stream: string;
  readonly kind: string;
  readonly level: string;
}

/** A pack with the entry in which it stands. */
interface LoggedPack extends Pack {
  readonly index: number;
  readonly stream: string;
}

const recordings = [`${SDS011}.hexdump`, `${SDS011}.csv`, RECEIVER, `${RECEIVER}.chk`];

describeWithShared("recorded bytes of real sensors", recordings, () => {
  describe.skipIf(lacks(socat, influxd))("over serial lines, to the end", () => {
    const scope = testScope();
    let influx: InfluxServer;
    let hub: HubProgram;
    let peers: PeerProgram[];
    let edge: EdgeProgram;
    let policy: string;
    let packs: LoggedPack[];

    beforeAll(async () => {
      influx = await startInflux(scope);
      peers = [await PeerProgram.make(scope, "gwent"), await PeerProgram.make(scope, "university")];
      hub = await HubProgram.make(scope);
      policy = await writePolicy(await scope.folder("policy"), hub.vkey, peers);
      await hub.start(["--policy", policy, "--influx-url", `${influx.url}/${DATABASE}`]);
      for (const peer of peers) await peer.start(hub.url, hub.vkey);
      edge = await play(hub, policy);
      await everythingCosigned(hub);
      packs = await loggedPacks(peers[0]!);
    });

    test("the log holds what the particle sensor measured, in order", () => {
      const values = valuesOf(packs, "air");
      expect(values.map(({ quantity, value }) => [quantity, value])).toEqual(
        recordedDust().flatMap(([pm25, pm10]) => [
          ["pm25", pm25],
          ["pm10", pm10],
        ]),
      );
      expect(values.every(({ unit }) => unit === "ug/m3")).toBe(true);
      const times = values.map(({ time }) => time);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    });

    test("the log holds what the receiver said, and each pack says where it was taken", () => {
      const fixes = recordedFixes();
      const altitudes = valuesOf(packs, "gps").filter(({ quantity }) => quantity === "altitude");
      expect(altitudes.map(({ value }) => value)).toEqual(fixes.map(({ height }) => height));
      for (const pack of packs) {
        const isThere = fixes.some((fix) => isSamePlace(fix, pack));
        expect(isThere, `${pack.lat}, ${pack.lon}`).toBe(true);
      }
      // Somebody else's eyes on the same bytes.
      const others = fixesByGpsd();
      expect(others).toHaveLength(fixes.length - 1);
      for (const [i, other] of others.entries()) {
        expect(other.height).toBe(fixes[i]!.height);
        expect(isSamePlace(other, fixes[i]!)).toBe(true);
      }
    });

    test("InfluxDB gives back what was recorded, each value with the entry that proves it", async () => {
      const rows = await eventually("the mirror has all", async () => {
        const found = await influxRows(influx, DATABASE, `SELECT * FROM "air"`);
        return found.length >= recordedDust().length ? found : undefined;
      });
      expect(rows.map(({ pm25, pm10 }) => [pm25, pm10])).toEqual(recordedDust());
      for (const { time, device, entry, pm25, pm10 } of rows) {
        expect(device).toBe(NAME);
        const pack = packs.find(({ index }) => index === entry)!;
        // The mirror keeps whole milliseconds; adding a pack's offset to its base time is not exact beyond those.
        const values = measured(pack)
          .filter((reading) => Math.round(reading.time * 1000) === time)
          .map(({ quantity, value }) => [quantity, value]);
        expect(values).toEqual([
          ["pm25", pm25],
          ["pm10", pm10],
        ]);
      }
      const keys = await influxRows(influx, DATABASE, `SHOW FIELD KEYS FROM "air"`);
      const types = Object.fromEntries(
        keys.map(({ fieldKey, fieldType }) => [fieldKey, fieldType]),
      );
      expect(types).toMatchObject({ entry: "integer", pm25: "float", pm10: "float" });
    });

    test("audit holds for the hub's folder, for the peers' and over the web", async () => {
      const places = [hub.folder, hub.url, ...peers.flatMap(({ folder, url }) => [folder, url])];
      for (const place of places) {
        const said = await kerbstone(scope, ["audit", place, "--vkey", hub.vkey, "--json"]);
        expect(JSON.parse(said), place).toMatchObject({ ok: true, trusted: true });
      }
      // What a single peer serves bears its own line only; both are on what the hub publishes.
      const said = await kerbstone(scope, ["audit", hub.url, "--policy", policy, "--json"]);
      const { cosigners } = JSON.parse(said) as { cosigners: string[] };
      expect(cosigners).toHaveLength(peers.length);
    });

    test("evidence holds offline, and not when any of it is changed", async () => {
      const folder = await scope.folder("evidence");
      const path = join(folder, "reading.evidence.json");
      const pack = packs.find(({ stream }) => stream === "air")!;
      const reply = await fetch(new URL(`api/v1/entries/${pack.index}/evidence`, hub.url));
      const text = await reply.text();
      await writeFile(path, text);
      const verify = ["verify", path, "--policy", policy, "--json"];
      const report = JSON.parse(await kerbstone(scope, verify)) as Record<string, unknown>;
      expect(report).toMatchObject({ ok: true, index: pack.index, device: NAME, stream: "air" });
      expect(report["readings"]).toEqual(pack.readings);

      const changes: [what: string, change: (evidence: Evidence) => void][] = [
        ["a value", (evidence) => flip(evidence.entries, pack.index)],
        ["the enrolment", (evidence) => flip(evidence.entries, evidence.entries[1]!.index)],
        ["a missing entry", (evidence) => evidence.entries.splice(1, 1)],
        ["another index", (evidence) => (evidence.entries.at(-1)!.index += 1)],
        ["another size", (evidence) => (evidence.checkpoint = moreEntries(evidence.checkpoint))],
      ];
      for (const [what, change] of changes) {
        const evidence = JSON.parse(text) as Evidence;
        change(evidence);
        await writeFile(path, JSON.stringify(evidence));
        const { code, stdout } = await runKerbstone(scope, verify);
        expect([code, what, JSON.parse(stdout)]).toMatchObject([1, what, { ok: false }]);
      }
    });

    test("a proof by itself holds offline", async () => {
      const folder = await scope.folder("proof");
      const { index } = packs[0]!;
      const proof = await fetch(new URL(`api/v1/entries/${index}/proof`, hub.url));
      await writeFile(join(folder, "a.tlog-proof"), await proof.text());
      const { bytes } = (await readLog(peers[0]!.log))[index]!;
      await writeFile(join(folder, "entry"), bytes);
      const verify = ["verify", join(folder, "a.tlog-proof"), join(folder, "entry")];
      expect(await kerbstone(scope, [...verify, "--policy", policy])).toMatch(/^Holds/);
      await writeFile(
        join(folder, "entry"),
        bytes.map((byte, i) => (i === 200 ? byte ^ 1 : byte)),
      );
      expect((await runKerbstone(scope, [...verify, "--policy", policy])).code).toBe(1);
    });

    test("the quorum reaches the agent, which lets go of everything", async () => {
      await eventually("the outbox is empty", async () => {
        await edge.stop();
        const { oldestSeq, nextSeq, halted, counters } = await edge.status();
        expect(halted).toBeUndefined();
        expect(counters).toMatchObject({ nacks: 0, packsRefused: 0 });
        if (oldestSeq === nextSeq) return true;
        await edge.start();
        await edge.running.output(/connected to the hub/);
        return undefined;
      });
      for (const peer of peers) await peer.stop();
      await hub.stop();
    });

    /** Plays both recordings into an agent, unchanged, each over a serial line of its own. */
    async function play(to: HubProgram, policyFile: string): Promise<EdgeProgram> {
      const [dustLine, receiverLine] = [await startSerialPair(scope), await startSerialPair(scope)];
      const agent = await EdgeProgram.make(scope, to, {
        name: NAME,
        sensors: [`air:sds011=${dustLine.edge}`, `gps:nmea=${receiverLine.edge}`],
        init: ["--moves", "--policy", policyFile],
        run: ["--pack-seconds", "2"],
      });
      // Every fix, not one a minute; and a sensor that had long been running when it was recorded.
      await agent.edit((text) => {
        const dust = 'driver = "sds011"\n';
        return `${text.replace(dust, `${dust}options = { warmUpSeconds = 0 }\n`)}options = { everySeconds = 0 }\n`;
      });
      await agent.start();
      for (const { edge: path } of [dustLine, receiverLine]) {
        await agent.running.output(new RegExp(`${path}.*the line to a sensor is open`));
      }
      const sim = ["sim", "--json", "--capture"];
      const [dust, receiver] = [sharedFile(`${SDS011}.hexdump`), sharedFile(RECEIVER)];
      const boards = [
        await startKerbstone(scope, [
          ...sim,
          receiver,
          "--baud",
          "19200",
          "--serial",
          receiverLine.board,
        ]),
        await startKerbstone(scope, [...sim, dust, "--step", "0.5", "--serial", dustLine.board]),
      ];
      for (const board of boards) {
        await board.output(/"event":"ended"/, 60_000);
        expect(await board.exited).toMatchObject({ code: 0 });
      }
      return agent;
    }
  });
});

/** Waits until all that was recorded is in the log, and then until all of the log is cosigned by the quorum. */
async function everythingCosigned(hub: HubProgram): Promise<void> {
  const asked = async <T>(path: string): Promise<T> =>
    (await fetch(new URL(`api/v1/${path}`, hub.url))).json() as Promise<T>;
  const count = async (quantity: string, stream: string): Promise<number> => {
    const query = `device=${NAME}&quantity=${quantity}&stream=${stream}&limit=1000`;
    return (await asked<{ points: unknown[] }>(`series?${query}`)).points.length;
  };
  const waitFor = (what: string, isSo: () => Promise<boolean>): Promise<unknown> =>
    eventually(what, async () => ((await isSo()) ? true : undefined), 60_000, 250);
  const [dust, fixes] = [recordedDust().length, recordedFixes().length];
  await waitFor(
    "all readings are in the log",
    async () => (await count("pm25", "air")) === dust && (await count("altitude", "gps")) === fixes,
  );
  await waitFor("all readings are cosigned", async () => {
    const { entries } = await asked<{ entries: Entry[] }>(`entries?device=${NAME}&limit=200`);
    return entries.every(({ level }) => level === "cosigned");
  });
}

/** All packs of a peer's copy, which is audited on the way. */
async function loggedPacks(peer: PeerProgram): Promise<LoggedPack[]> {
  const entries = await readLog(peer.log);
  return entries.flatMap(({ kind, payload, issuer, iat, stream }, index) => {
    if (kind !== "readings") return [];
    const pack = decodePack(payload, issuer, iat);
    if (pack instanceof Refusal) throw new Error(pack.text);
    return [{ index, stream, ...pack }];
  });
}

function valuesOf(packs: readonly LoggedPack[], stream: string): LoggedPack["readings"] {
  return packs.filter((pack) => pack.stream === stream).flatMap(measured);
}

/** What a pack measured, without what the agent notes of the pack. */
function measured({ readings }: Pick<LoggedPack, "readings">): LoggedPack["readings"] {
  return readings.filter(({ quantity }) => !NOTES.has(quantity));
}

/** PM2.5 and PM10 as the recorder decoded them. */
function recordedDust(): number[][] {
  const [, ...rows] = sharedText(`${SDS011}.csv`).trim().split("\n");
  return rows.map((row) => row.split(",").slice(1).map(Number));
}

interface Fix {
  readonly lat: number;
  readonly lon: number;
  /** Metres above the sea. */
  readonly height: number;
}

/** The fixes of the recording: position and height as they stand in its GGA sentences. */
function recordedFixes(): Fix[] {
  return sharedText(RECEIVER)
    .split(/\r?\n/)
    .filter((line) => line.startsWith("$GNGGA"))
    .map((line) => {
      const [, , lat, north, lon, east, , , , height] = line.split(",");
      return { lat: degrees(lat!, north!), lon: degrees(lon!, east!), height: Number(height) };
    });
}

/** Degrees and minutes run together, `dddmm.mmmm`, as signed degrees. */
function degrees(text: string, side: string): number {
  const point = text.indexOf(".") - 2;
  const value = Number(text.slice(0, point)) + Number(text.slice(point)) / 60;
  return side === "S" || side === "W" ? -value : value;
}

/** What gpsd reports of the same bytes. It waits for the end of a moment, so it does not speak of the last one. */
function fixesByGpsd(): Fix[] {
  const reports = sharedText(`${RECEIVER}.chk`)
    .split("\n")
    .filter((line) => line.startsWith('{"class":"TPV"'))
    .map((line) => JSON.parse(line) as { time: string; lat: number; lon: number; altMSL?: number })
    .filter(({ altMSL }) => altMSL !== undefined);
  const byTime = new Map(reports.map((fix) => [fix.time, fix]));
  return [...byTime.values()].map(({ lat, lon, altMSL }) => ({ lat, lon, height: altMSL! }));
}

function isSamePlace(a: Omit<Fix, "height">, b: Omit<Fix, "height">): boolean {
  return distance(a.lat, b.lat) < 1e-7 && distance(a.lon, b.lon) < 1e-7;
}

function distance(a: number, b: number): number {
  return Math.abs(a - b);
}

interface Evidence {
  checkpoint: string;
  entries: { index: number; entry: string }[];
}

/** Flips a bit in the payload of one of the entries. */
function flip(entries: Evidence["entries"], index: number): void {
  const found = entries.find((entry) => entry.index === index)!;
  const bytes = decodeBase64(found.entry)!;
  bytes[bytes.length - 100]! ^= 1;
  found.entry = encodeBase64(bytes);
}

function moreEntries(checkpoint: string): string {
  return checkpoint.replace(/^\d+$/m, (size) => String(Number(size) + 1));
}
