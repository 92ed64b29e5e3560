/**
 * `kerbstone audit`: a whole log checked from its entries' bytes, offline or over the web (docs/operations.md).
 *
 * Ends with 0 when all holds, 1 at the first fault, 2 when it could not look.
 */

import { availableParallelism } from "node:os";
import { join } from "node:path";
import { auditLog, AuditFault } from "../../ledger/audit.ts";
import type { AuditReport } from "../../ledger/audit.ts";
import type { LogSource } from "../../ledger/log-source.ts";
import { formatHelp, parseFlags } from "../../platform/command-line.ts";
import type { Files } from "../../platform/files.ts";
import { HttpClient } from "../../platform/http-client.ts";
import type { ProgramIo } from "../../platform/lifecycle.ts";
import { folderSource, httpSource } from "../../platform/log-source.ts";
import { fastestVerify } from "../../platform/native-verify.ts";
import { UserError } from "../../platform/user-error.ts";
import { VerifyPool } from "../../platform/verify-pool.ts";
import { printable, timeText } from "./printable.ts";
import { readTrust, TRUST_FLAGS } from "./trust.ts";

const SPEC = {
  usage: "kerbstone audit <folder|url> [--vkey VKEY | --policy FILE] [--json]",
  about:
    "Checks a whole log: every entry, every tile, the checkpoint. Exit code 0: all holds; 1: the first fault is named; 2: it could not be read.",
  flags: {
    ...TRUST_FLAGS,
    json: { type: "switch", about: "print one JSON object" },
    threads: {
      type: "text",
      value: "N",
      about: "threads that check signatures, by default all cores",
    },
  },
  positionals: {
    min: 1,
    max: 1,
    about: "the log: its folder, or an address such as https://sensors.example.org",
  },
} as const;

/** Room for the bundles that are read ahead, were they full of the largest statements. */
const QUEUE_BYTES_MAX = 128 * 1024 * 1024;

export const HOLDS = 0;
export const AT_FAULT = 1;
export const COULD_NOT_LOOK = 2;

/** Runs `kerbstone audit …`. */
export async function run(io: ProgramIo): Promise<number> {
  const { flags, positionals, help } = parseFlags(io.argv, SPEC);
  if (help) {
    io.stdout.write(formatHelp(SPEC));
    return HOLDS;
  }
  const policy = await readTrust(flags, io.files);
  const source = await sourceOf(positionals[0]!, io);
  const threads = Number(flags.threads ?? availableParallelism());
  const pool = new VerifyPool(Number.isInteger(threads) && threads > 0 ? threads : 1, {
    queueBytesMax: QUEUE_BYTES_MAX,
  });
  try {
    const verifyMany = pool.verify.bind(pool);
    const found = await auditLog({ source, policy, verify: fastestVerify, verifyMany });
    io.stdout.write(flags.json ? `${JSON.stringify(asJson(found))}\n` : asText(found));
    return found instanceof AuditFault ? AT_FAULT : HOLDS;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    if (flags.json) io.stdout.write(`${JSON.stringify({ ok: null, text })}\n`);
    io.stderr.write(`kerbstone: The log could not be read: ${text}\n`);
    return COULD_NOT_LOOK;
  } finally {
    await pool.close();
  }
}

/** A log's folder, a hub's or peer's data folder with the log in it, or a URL. */
export async function sourceOf(place: string, io: ProgramIo): Promise<LogSource> {
  if (/^https?:\/\//.test(place)) {
    return httpSource(place, new HttpClient({ clock: io.clock, random: io.random }), io.signal);
  }
  return folderSource(io.files, await folderOf(place, io.files));
}

/** Finds the log at a place on the disk. Rejects with a `UserError` that says where else there is one. */
async function folderOf(place: string, files: Files): Promise<string> {
  const facts = await files.facts(place);
  if (facts === undefined) {
    throw new UserError(`There is no folder ${place}.`, {
      hint: "Expected the folder of a log, or an address with http:// or https://.",
    });
  }
  if (!facts.isFolder) {
    throw new UserError(`${place} is no folder, and that of a log is needed there.`, {
      hint: "One proof or evidence file is checked by kerbstone verify.",
    });
  }
  const here = await logIn(place, files);
  if (here !== undefined) return here;
  const around: string[] = [];
  for (const name of await files.list(place)) {
    const inner = join(place, name);
    const isFolder = (await files.facts(inner))?.isFolder === true;
    if (isFolder && (await logIn(inner, files)) !== undefined) around.push(inner);
  }
  throw new UserError(
    `There is no log in ${place}: it has no file named checkpoint.`,
    around.length === 0 ? {} : { hint: `Did you mean ${around.join(" or ")}?` },
  );
}

async function logIn(folder: string, files: Files): Promise<string | undefined> {
  for (const at of [join(folder, "log"), folder]) {
    if (await files.exists(join(at, "checkpoint"))) return at;
  }
  return undefined;
}

function asJson(found: AuditReport | AuditFault): object {
  if (!(found instanceof AuditFault)) return { ok: true, ...found };
  const { code, text, index, path } = found;
  return { ok: false, code, text, index: index ?? null, path: path ?? null };
}

function asText(found: AuditReport | AuditFault): string {
  if (found instanceof AuditFault) {
    const at = found.index === undefined ? "" : ` at entry ${found.index}`;
    const where = found.path === undefined ? "" : ` (${found.path})`;
    return `FAULT: ${found.code}${at}${where}: ${printable(found.text)}\n`;
  }
  const kinds = Object.entries(found.entries).map(([kind, count]) => `${count} ${kind}`);
  const lines = [
    `All holds: ${found.origin}, ${found.size} entries up to block ${found.height}, sealed ${timeText(found.timeMs)}.`,
    `  entries     ${kinds.join(", ")}`,
    `  root        ${found.root}`,
    `  signed by   ${found.vkey}`,
    `  cosigned by ${found.cosigners.join(", ") || "nobody that was asked for"}`,
    `  files       ${found.files} read and compared`,
  ];
  if (!found.trusted) {
    lines.push(
      "The log agrees with itself. Whether it is the log you mean, only --vkey or --policy tells.",
    );
  }
  return `${lines.join("\n")}\n`;
}
