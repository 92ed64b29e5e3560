/** `kerbstone hub enrol --from FILE`: a file of claims, sent to the running hub in batches. */

import { readGivenText } from "../../platform/given-file.ts";
import type { ProgramIo } from "../../platform/lifecycle.ts";
import { BATCH_MAX } from "./bulk-enrolment.ts";
import type { EnrolmentOutcome } from "./bulk-enrolment.ts";
import { readClaims } from "./claims-file.ts";
import type { ClaimLine } from "./claims-file.ts";
import { askHub } from "./client.ts";

/** Claims of a batch together, well below the bound of a line of the operator's socket. */
const BATCH_LENGTH_MAX = 500_000;
const REFUSALS_SHOWN = 100;

/** Enrols all claims of the file at `path`. Gives 0, or 1 where the hub has refused some; they are named. */
export async function enrolFrom(io: ProgramIo, dataFolder: string, path: string): Promise<number> {
  const text = await readGivenText(io.files, path);
  const { origin } = (await askHub(dataFolder, { command: "status" })) as { origin: string };
  const lines = readClaims(text, origin);
  const counts = { enrolled: 0, known: 0, refused: 0 };
  let done = 0;
  for (const batch of batchesOf(lines)) {
    const claims = batch.map(({ claim }) => claim);
    const outcomes = await askHub(dataFolder, { command: "enrol-many", claims });
    for (const [i, outcome] of (outcomes as EnrolmentOutcome[]).entries()) {
      counts[outcome.kind] += 1;
      if (outcome.kind === "refused" && counts.refused <= REFUSALS_SHOWN) {
        io.stdout.write(formatRefused(batch[i]!, outcome));
      }
    }
    done += batch.length;
    if (done < lines.length) io.stdout.write(`${done} of ${lines.length} claims are done\n`);
  }
  io.stdout.write(formatCounts(lines.length, counts));
  return counts.refused === 0 ? 0 : 1;
}

function* batchesOf(lines: readonly ClaimLine[]): Generator<ClaimLine[]> {
  let batch: ClaimLine[] = [];
  let length = 0;
  for (const line of lines) {
    if (batch.length === BATCH_MAX || length + line.claim.length > BATCH_LENGTH_MAX) {
      yield batch;
      batch = [];
      length = 0;
    }
    batch.push(line);
    length += line.claim.length;
  }
  if (batch.length > 0) yield batch;
}

function formatRefused(
  { line, name }: ClaimLine,
  { code, text }: EnrolmentOutcome & { kind: "refused" },
): string {
  return `line ${line}: ${name} was refused: ${code === undefined ? "" : `${code}: `}${text}\n`;
}

function formatCounts(
  total: number,
  { enrolled, known, refused }: { enrolled: number; known: number; refused: number },
): string {
  return `${total} claims: ${enrolled} enrolled, ${known} enrolled before, ${refused} refused.\n`;
}
