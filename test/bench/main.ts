/** Runs benchmarks by name and prints their figures with the machine that they were taken on. */

import { hash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { installSha256 } from "../../ledger/sha256.ts";
import { benchAdmission } from "./admission.ts";
import { benchAudit } from "./audit.ts";
import { benchDevices } from "./devices.ts";
import { benchBacklog } from "./backlog.ts";
import { benchEdge } from "./edge.ts";
import { benchEdgeHour } from "./edge-hour.ts";
import { benchPacks } from "./packs.ts";
import { benchStartup } from "./startup.ts";
import { printFigure } from "./figure.ts";
import type { Figure } from "./figure.ts";

const BENCHMARKS: Readonly<Record<string, (folder: string) => Promise<Figure[]>>> = {
  admission: benchAdmission,
  packs: benchPacks,
  audit: benchAudit,
  startup: benchStartup,
  edge: benchEdge,
  devices: benchDevices,
  "edge-hour": benchEdgeHour,
  backlog: benchBacklog,
};

installSha256((message) => hash("sha256", message, "buffer"));
const asked = process.argv.slice(2);
const names = asked.length === 0 ? Object.keys(BENCHMARKS) : asked;
const cores = cpus();
process.stdout.write(
  `${cores.length} × ${cores[0]?.model ?? "unknown processor"}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}\n`,
);
for (const name of names) {
  const run = BENCHMARKS[name];
  if (run === undefined) {
    process.stderr.write(
      `There is no benchmark ${name}; there are ${Object.keys(BENCHMARKS).join(", ")}.\n`,
    );
    process.exitCode = 2;
    continue;
  }
  // On the disk of the project, not in memory: what is measured includes real syncs.
  const folder = await mkdtemp(join(process.cwd(), "dist", "bench-"));
  process.stdout.write(`\n${name}\n`);
  try {
    for (const figure of await run(folder)) printFigure(figure);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
