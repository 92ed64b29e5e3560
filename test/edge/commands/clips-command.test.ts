/** `edge clips`: recordings as they lie on disk, beside an agent that may be at work. */

import { beforeEach, expect, test } from "vitest";
import { showClips } from "../../../edge/commands/clips-command.ts";
import { segmentName } from "../../../edge/cameras/recording/segment-list.ts";
import { formatRecord, recordName } from "../../../edge/cameras/recording/segment-record.ts";
import type { Signing } from "../../../edge/cameras/recording/segment-record.ts";
import { encodeHex, encodeUtf8 } from "../../../ledger/bytes.ts";
import { sha256 } from "../../../ledger/sha256.ts";
import { systemClock } from "../../../platform/clock.ts";
import { exitCodeOf } from "../../../platform/lifecycle.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import { seededRandom } from "../../../platform/random.ts";

const MINUTE_MS = 60_000;
const BEGIN_MS = Date.parse("2026-12-01T14:00:00Z");
const FOLDER = "/home/data/cameras/street";

let files: MemoryFiles;
let out = "";

beforeEach(async () => {
  files = new MemoryFiles();
  out = "";
  await files.makeFolder(FOLDER);
  await files.makeFolder("/home/data/cameras/yard");
  const camera = (name: string): string =>
    `[[cameras]]\nname = "${name}"\nstream = "camera"\nurl = "rtsp://10.0.0.1/${name}"\n`;
  const settings = `name = "gate-1"\norigin = "kerbstone.example/test"\nhub = { mqtt = "mqtts://h", vkey = "x" }\n`;
  await files.write("/home/edge.toml", encodeUtf8(settings + camera("street") + camera("yard")));
});

async function clips(...argv: string[]): Promise<number> {
  return exitCodeOf((io) => showClips(io, ["edge.toml", ...argv]), {
    argv: [],
    env: {},
    stdout: { write: (text: string) => (out += text) },
    stderr: { write: (text: string) => (out += text) },
    signal: new AbortController().signal,
    clock: systemClock,
    random: seededRandom(1),
    files,
    cwd: "/home",
  });
}

/** A recording of a minute; its bytes are its number. */
async function put(number: number, signing: Signing, folder = FOLDER): Promise<string> {
  const bytes = encodeUtf8(`recording ${number} in ${folder}`);
  const hash = encodeHex(sha256(bytes));
  await files.write(`${folder}/${segmentName(number)}`, bytes);
  const record = {
    number,
    bytes: bytes.length,
    sha256: hash,
    fromMs: BEGIN_MS + number * MINUTE_MS,
    toMs: BEGIN_MS + (number + 1) * MINUTE_MS,
    signing,
  };
  const whose = { device: "gate-1", camera: "street" };
  await files.write(`${folder}/${recordName(number)}`, formatRecord(record, whose));
  return hash;
}

const signed = (seq: number): Signing => ({ state: "signed", seq, statement: "00".repeat(32) });

test("lists what is there: when, how large, signed as what, with its hash", async () => {
  const hash = await put(0, signed(17));
  await put(1, { state: "waiting" });
  await put(2, { state: "unsigned", reason: "cut-off" });
  await files.write(`${FOLDER}/${segmentName(3)}`, encodeUtf8("being written"));
  await put(0, signed(18), "/home/data/cameras/yard");
  expect(await clips()).toBe(0);
  const lines = out.trim().split("\n");
  expect(lines).toHaveLength(5);
  expect(lines[0]).toMatch(
    /^street {2}2026-12-01T14:00:00Z {2}2026-12-01T14:01:00Z .*signed as 17/,
  );
  expect(lines[0]).toContain(hash);
  expect(lines[1]).toContain("to be signed");
  expect(lines[2]).toContain("unsigned (cut-off)");
  expect(lines[3]).toMatch(/^street {2}\? .*not finished/);
  expect(lines[4]).toMatch(/^yard .*signed as 18/);
});

test("of one camera, between two times, as JSON", async () => {
  for (let number = 0; number < 5; number++) await put(number, signed(number));
  await put(0, signed(9), "/home/data/cameras/yard");
  await clips(
    "--camera",
    "street",
    "--from",
    "2026-12-01T15:01:30+01:00",
    "--to",
    "2026-12-01T14:03Z",
    "--json",
  );
  const found = JSON.parse(out) as { camera: string; fromMs: number; signing: { seq: number } }[];
  expect(found.map(({ camera, signing }) => [camera, signing.seq])).toEqual([
    ["street", 1],
    ["street", 2],
  ]);
});

test("says so where there is none, and what is wrong with a question", async () => {
  expect(await clips("--from", "2030-01-01")).toBe(1);
  expect(out).toBe("There are no such recordings.\n");
  for (const [argv, said] of [
    [["--camera", "roof"], /no camera roof.*\n.*street, yard/],
    [["--from", "yesterday"], /no time with its zone/],
    [["--from", "2026-12-01T14:00"], /no time with its zone/],
  ] as const) {
    out = "";
    expect(await clips(...argv)).toBe(2);
    expect(out).toMatch(said);
  }
});

test("copies recordings out, and checks the copies", async () => {
  await put(0, signed(17));
  await put(1, signed(18));
  await files.write(`${FOLDER}/${segmentName(2)}`, encodeUtf8("being written"));
  expect(await clips("--export", "/out", "--to", "2026-12-01T14:01Z")).toBe(0);
  expect(await files.list("/out")).toEqual([
    "gate-1-street-20261201T140000Z-0.json",
    "gate-1-street-20261201T140000Z-0.mp4",
  ]);
  const copy = await files.read("/out/gate-1-street-20261201T140000Z-0.mp4");
  expect(copy).toEqual(await files.read(`${FOLDER}/${segmentName(0)}`));
  expect((await files.facts("/out"))!.mode).toBe(0o700);
  out = "";
  expect(await clips("--export", "/out")).toBe(2);
  expect(out).toMatch(/is already there/);
});

test("a recording that has changed since is not handed out as what it was; the others are", async () => {
  await put(0, signed(17));
  await put(1, signed(18));
  await put(2, signed(19));
  const path = `${FOLDER}/${segmentName(0)}`;
  const bytes = (await files.read(path))!;
  bytes[3]! ^= 1;
  await files.write(path, bytes);
  await files.write(`${FOLDER}/${segmentName(1)}`, encodeUtf8("shorter"));
  expect(await clips("--export", "/out", "--from", "2026-12-01T14:00Z")).toBe(1);
  expect(out).toMatch(/NOT copied .*0000000000\.mp4: it is not what was recorded/);
  expect(out).toMatch(/NOT copied .*0000000001\.mp4: it is not what was recorded/);
  expect(out).toMatch(/2 recordings were not copied/);
  expect(await files.list("/out")).toEqual([
    "gate-1-street-20261201T140200Z-2.json",
    "gate-1-street-20261201T140200Z-2.mp4",
  ]);
});

test("a recording that the ring removes meanwhile is missed, and the others are copied", async () => {
  await put(0, signed(17));
  await put(1, signed(18));
  const list = files.list.bind(files);
  const listed = await list(FOLDER);
  await files.remove(`${FOLDER}/${segmentName(0)}`);
  const facts = files.facts.bind(files);
  files.list = (path) => (path === FOLDER ? Promise.resolve(listed) : list(path));
  files.facts = (path) =>
    path.endsWith(segmentName(0)) && path.startsWith(FOLDER)
      ? facts(`${FOLDER}/${segmentName(1)}`)
      : facts(path);
  expect(await clips("--export", "/out", "--camera", "street")).toBe(1);
  expect(out).toMatch(/0000000000\.mp4: it is not there any more/);
  expect((await list("/out")).filter((name) => name.endsWith("mp4"))).toEqual([
    "gate-1-street-20261201T140100Z-1.mp4",
  ]);
});

test("a recording of another length than was signed is said to be changed, not unfinished", async () => {
  const hash = await put(0, signed(17));
  await files.write(`${FOLDER}/${segmentName(0)}`, encodeUtf8("cut"));
  await clips();
  expect(out).toMatch(/^street {2}2026-12-01T14:00:00Z .*CHANGED, was signed as 17/);
  out = "";
  await clips("--json");
  expect(JSON.parse(out)).toMatchObject([
    { sha256: null, signing: { state: "changed", was: { seq: 17 }, sha256: hash } },
  ]);
});
