/** `kerbstone edge clips CONFIG`: the recordings of a device's cameras, which of them are signed, and copies of them. */

import { resolve } from "node:path";
import { encodeHex } from "../../ledger/bytes.ts";
import { formatHelp, parseFlags } from "../../platform/command-line.ts";
import type { CommandSpec, FlagValues } from "../../platform/command-line.ts";
import { hashFile } from "../../platform/file-hash.ts";
import type { Files } from "../../platform/files.ts";
import type { ProgramIo } from "../../platform/lifecycle.ts";
import { UserError } from "../../platform/user-error.ts";
import { listSegments } from "../cameras/recording/segment-files.ts";
import type { SegmentFile } from "../cameras/recording/segment-files.ts";
import type { SegmentRecord } from "../cameras/recording/segment-record.ts";
import { loadDevice } from "../settings/device-settings.ts";

const spec = {
  usage: "kerbstone edge clips CONFIG [--camera NAME] [--from T] [--to T] [--export DIR] [--json]",
  about:
    "Lists the recordings of a device's cameras: when, how large, their SHA-256, and the number under which each was signed. With --export it also copies them, and checks the copies. 0 if there are any, else 1.",
  flags: {
    camera: { type: "text", value: "NAME", about: "of this camera only" },
    from: {
      type: "text",
      value: "TIME",
      about: "that end after it, such as 2026-12-01T14:00Z or 2026-12-01T15:00+01:00",
    },
    to: { type: "text", value: "TIME", about: "that begin before it" },
    export: { type: "text", value: "DIR", about: "copies them there, with what is known of them" },
    json: { type: "switch", about: "prints JSON" },
  },
  positionals: { min: 1, max: 1, about: "a device's settings file, such as air-1/edge.toml" },
} as const satisfies CommandSpec;

interface Listed extends SegmentFile {
  readonly camera: string;
}

const PIECE_BYTES = 1_048_576;

/** Runs the command. */
export async function showClips(io: ProgramIo, argv: readonly string[]): Promise<number> {
  const { flags, positionals, help } = parseFlags(argv, spec);
  if (help) {
    io.stdout.write(formatHelp(spec));
    return 0;
  }
  const { config, folder } = await loadDevice(io, positionals[0]!);
  const names = config.cameras.map(({ name }) => name);
  if (flags.camera !== undefined && !names.includes(flags.camera)) {
    throw new UserError(`${config.name} has no camera ${flags.camera}.`, {
      hint: names.length === 0 ? "It has none at all." : `It has ${names.join(", ")}.`,
    });
  }
  const data = resolve(folder, config.data);
  const listed: Listed[] = [];
  for (const camera of flags.camera === undefined ? names : [flags.camera]) {
    const segments = await listSegments(io.files, `${data}/cameras/${camera}`);
    listed.push(...segments.map((segment) => ({ ...segment, camera })));
  }
  const wanted = listed.filter(inTime(flags));
  io.stdout.write(flags.json ? formatJson(wanted) : formatTable(wanted));
  if (flags.export !== undefined) {
    await exportAll(io, wanted, config.name, resolve(io.cwd, flags.export));
  }
  return wanted.length > 0 ? 0 : 1;
}

/** Whether a recording lies in the time asked for; one whose time nobody knows lies in none. */
function inTime(flags: FlagValues<typeof spec>): (segment: Listed) => boolean {
  const fromMs = timeOf(flags, "from");
  const toMs = timeOf(flags, "to");
  if (fromMs === undefined && toMs === undefined) return () => true;
  return (segment) => {
    const noted = notedOf(segment);
    return (
      noted?.fromMs !== undefined &&
      noted.toMs !== undefined &&
      noted.toMs > (fromMs ?? -Infinity) &&
      noted.fromMs < (toMs ?? Infinity)
    );
  };
}

/** What was noted of a recording, also where it is another one since. */
function notedOf({ record, changed }: SegmentFile): SegmentRecord | undefined {
  return record ?? changed;
}

/** A time that means the same everywhere. */
function timeOf(flags: FlagValues<typeof spec>, name: "from" | "to"): number | undefined {
  const text = flags[name];
  if (text === undefined) return undefined;
  const isWhole = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text);
  const ms = isWhole ? Date.parse(text) : NaN;
  if (!Number.isNaN(ms)) return ms;
  throw new UserError(`--${name} ${text} is no time with its zone.`, {
    hint: "For example 2026-12-01T14:00Z, or 2026-12-01T15:00+01:00.",
  });
}

function formatJson(segments: readonly Listed[]): string {
  const views = segments.map((segment) => {
    const { camera, path, bytes, record, changed } = segment;
    const noted = notedOf(segment);
    return {
      camera,
      path,
      bytes,
      sha256: record?.sha256 ?? null,
      fromMs: noted?.fromMs ?? null,
      toMs: noted?.toMs ?? null,
      signing: changed
        ? { state: "changed", was: changed.signing, sha256: changed.sha256 }
        : (record?.signing ?? { state: "not-finished" }),
    };
  });
  return `${JSON.stringify(views, undefined, 2)}\n`;
}

function formatTable(segments: readonly Listed[]): string {
  if (segments.length === 0) return "There are no such recordings.\n";
  const rows = segments.map((segment) => {
    const { camera, path, bytes, record, changed } = segment;
    const noted = notedOf(segment);
    return [
      camera,
      timeText(noted?.fromMs),
      timeText(noted?.toMs),
      `${(bytes / 1e6).toFixed(1)} MB`,
      changed ? `CHANGED, was ${signingText(changed)}` : signingText(record),
      record?.sha256 ?? "",
      path,
    ];
  });
  const widths = rows[0]!.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at]!))
      .join("  ")
      .trimEnd(),
  );
  return lines.map((line) => `${line}\n`).join("");
}

function timeText(ms: number | undefined): string {
  return ms === undefined ? "?" : `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

function signingText(record: SegmentFile["record"]): string {
  const signing = record?.signing;
  switch (signing?.state) {
    case undefined:
      return "not finished";
    case "signed":
      return `signed as ${signing.seq}`;
    case "waiting":
      return "to be signed";
    case "unsigned":
      return `unsigned (${signing.reason})`;
  }
}

/** Copies recordings, and holds each copy against the hash that was noted. What is not well keeps none of the others. */
async function exportAll(
  io: ProgramIo,
  segments: readonly Listed[],
  device: string,
  folder: string,
): Promise<void> {
  await io.files.makeFolder(folder, { mode: 0o700 });
  let failed = 0;
  for (const segment of segments) {
    const { camera, record, changed, path, number } = segment;
    if (record === undefined && changed === undefined) continue;
    const time = timeText(record?.fromMs).replaceAll(/[-:]/g, "").replace("?", "unknown-time");
    const copy = `${folder}/${device}-${camera}-${time}-${number}`;
    const fault = record === undefined ? CHANGED : await exportOne(io, record, path, copy);
    if (fault !== undefined) failed += 1;
    const said = fault === undefined ? `copied ${copy}.mp4` : `NOT copied ${path}: ${fault}`;
    io.stdout.write(`${said}\n`);
  }
  if (failed === 0) return;
  const text = failed === 1 ? "One recording was" : `${failed} recordings were`;
  throw new UserError(`${text} not copied.`, { exitCode: 1 });
}

const CHANGED = "it is not what was recorded, and has changed since";

/** Copies one recording with what is known of it; why not, where that is the recording's fault, and then no copy is left. */
async function exportOne(
  io: ProgramIo,
  record: SegmentRecord,
  path: string,
  copy: string,
): Promise<string | undefined> {
  // The agent may have removed the oldest meanwhile.
  if (!(await copyFile(io.files, path, `${copy}.mp4`))) return "it is not there any more";
  const copied = await hashFile(io.files, `${copy}.mp4`, io.signal);
  const isSame =
    record.sha256 === undefined ||
    (copied !== undefined && encodeHex(copied.sha256) === record.sha256);
  if (!isSame) {
    await io.files.remove(`${copy}.mp4`);
    return CHANGED;
  }
  const beside = await io.files.read(path.replace(/mp4$/, "json"));
  if (beside !== undefined) await io.files.write(`${copy}.json`, beside);
  return undefined;
}

/** Copies a file; false where it is gone. Rejects where there is one already. Only a whole copy is left. */
async function copyFile(files: Files, from: string, to: string): Promise<boolean> {
  if (await files.exists(to)) throw new UserError(`${to} is already there.`);
  let isWhole = false;
  try {
    isWhole = await copyPieces(files, from, to);
  } finally {
    if (!isWhole) await files.remove(to);
  }
  return isWhole;
}

async function copyPieces(files: Files, from: string, to: string): Promise<boolean> {
  const copy = await files.open(to);
  try {
    for (let at = 0; ; at += PIECE_BYTES) {
      const piece = await files.readRange(from, at, PIECE_BYTES);
      if (piece === undefined) return false;
      await copy.append(piece);
      if (piece.length < PIECE_BYTES) break;
    }
    await copy.sync();
    return true;
  } finally {
    await copy.close();
  }
}
