/**
 * An agent at ten readings a second for an hour of simulated time: CPU, memory, and what it asks of the card.
 *
 * What the file system makes of the agent's writes is counted at the block device of a card image (ext4), where this machine lends
 * one: a sync of a few hundred bytes costs a card far more than those.
 */

import { spawnSync } from "node:child_process";
import { mkdir, readFile, rm } from "node:fs/promises";
import { basename } from "node:path";
import { cardImage, hasCardImages } from "../support/card-image.ts";
import { bareVerifyMicroseconds } from "./bare-verify.ts";
import type { Figure } from "./figure.ts";
import { liveThrough } from "./simulated-hour.ts";
import type { HourReport, HourSetup } from "./simulated-hour.ts";

const HOUR_S = 3_600;

/** As installed, and as for a card that is to last: larger packs, or fewer readings. */
const SETUPS: readonly (readonly [string, HourSetup])[] = [
  ["10 readings/s", setup(10, 10, 64)],
  ["10 readings/s, packs of 120", setup(10, 60, 120)],
  ["2 readings/s (an SDS011)", setup(2, 10, 64)],
  ["2 readings/s, packs of a minute", setup(2, 60, 120)],
];

/** Target of the whole: under 3 % of a core, under 90 MB, and flat. */
export async function benchEdgeHour(folder: string): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [at, [name, hour]] of SETUPS.entries()) {
    const { reports, deviceBytes } = await live(`${folder}/${at}`, hour);
    figures.push(...(at === 0 ? costs(name, reports) : []), ...wear(name, reports, deviceBytes));
  }
  return figures;
}

function setup(readingsPerSecond: number, packSeconds: number, packReadingsMax: number): HourSetup {
  return { readingsPerSecond, packSeconds, packReadingsMax, seconds: HOUR_S };
}

function costs(name: string, [first, middle, last]: HourReport[]): Figure[] {
  const seconds = (last!.simulatedMs - first!.simulatedMs) / 1000;
  const share = (last!.cpuMs - first!.cpuMs) / 10 / seconds;
  const readings = last!.readings - first!.readings;
  const [reading, bare] = [(share / 100) * seconds * 1e6, bareVerifyMicroseconds()];
  const memory = [first!, middle!, last!].map(({ anonymousMb }) => anonymousMb.toFixed(0));
  return [
    {
      what: `agent, ${name}, an hour: CPU, share of a core`,
      measured: `${share.toFixed(2)} %`,
      against: "3 %, the target",
      ratio: share / 3,
    },
    {
      what: `agent, ${name}, an hour: CPU for each reading`,
      measured: `${(reading / readings).toFixed(0)} us`,
      against: `${bare.toFixed(0)} us, one bare signature verification`,
      ratio: reading / readings / bare,
    },
    {
      what: `agent, ${name}, an hour: anonymous memory at the beginning, in the middle, at the end`,
      measured: `${memory.join(", ")} MB`,
      against: "90 MB, the target",
      ratio: last!.anonymousMb / 90,
    },
  ];
}

function wear(
  name: string,
  [first, , last]: HourReport[],
  deviceBytes: number | undefined,
): Figure[] {
  const of = (key: keyof HourReport): number => last![key] - first![key];
  const minutes = of("simulatedMs") / 60_000;
  const readings = of("readings");
  const disk: Figure = {
    what: `agent, ${name}: bytes handed to the disk for each reading`,
    measured: `${(of("bytesWritten") / readings).toFixed(0)} bytes, ${(of("syncs") / minutes).toFixed(1)} syncs and ${(of("statementsSigned") / minutes).toFixed(1)} statements a minute`,
    against: `${(of("bytesSigned") / readings).toFixed(0)} bytes of statements`,
    ratio: of("bytesWritten") / of("bytesSigned"),
  };
  if (deviceBytes === undefined) return [disk];
  return [
    disk,
    {
      what: `agent, ${name}: bytes that ext4 writes to the card for each reading`,
      measured: `${(deviceBytes / readings).toFixed(0)} bytes, ${((deviceBytes / minutes / 1e6) * 1_440).toFixed(0)} MB a day`,
      against: `${(of("bytesSigned") / readings).toFixed(0)} bytes of statements`,
      ratio: deviceBytes / of("bytesSigned"),
    },
  ];
}

async function live(
  folder: string,
  hour: HourSetup,
): Promise<{ reports: HourReport[]; deviceBytes: number | undefined }> {
  await mkdir(folder, { recursive: true });
  if (!hasCardImages()) return { reports: await liveThrough(folder, hour), deviceBytes: undefined };
  const ends: (() => unknown)[] = [];
  const card = await cardImage({
    folder: async (name) => {
      const path = `${folder}/${name}`;
      await mkdir(path, { recursive: true });
      return path;
    },
    defer: (end) => void ends.unshift(end),
  });
  try {
    const written = (): Promise<number> => bytesWrittenTo(card.folder);
    const marks: number[] = [];
    const reports = await liveThrough(`${card.folder}/device`, hour, async () => {
      marks.push(await written());
    });
    return { reports, deviceBytes: marks.at(-1)! - marks[0]! };
  } finally {
    for (const end of ends) end();
    await rm(folder, { recursive: true, force: true });
  }
}

/** What the kernel has written to the device of a mount (Documentation/block/stat.rst), in bytes. */
async function bytesWrittenTo(folder: string): Promise<number> {
  spawnSync("sync", ["-f", folder]);
  const { stdout } = spawnSync("findmnt", ["-no", "SOURCE", folder], { encoding: "utf8" });
  const stat = await readFile(`/sys/block/${basename(stdout.trim())}/stat`, "utf8");
  return Number(stat.trim().split(/\s+/)[6]) * 512;
}
