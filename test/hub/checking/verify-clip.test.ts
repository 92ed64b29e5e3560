/** `verify clip`: a recording against a real hub's log, and everything that may be wrong with either. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { run } from "../../../hub/checking/verify-command.ts";
import { encodeHex, encodeUtf8 } from "../../../ledger/bytes.ts";
import { encodeClip } from "../../../ledger/kinds/clip.ts";
import { formatVkey, TYPE_ED25519, vkeyOf } from "../../../ledger/note.ts";
import { sha256 } from "../../../ledger/sha256.ts";
import { nobleSigner } from "../../../ledger/signature.ts";
import { systemClock } from "../../../platform/clock.ts";
import { exitCodeOf } from "../../../platform/lifecycle.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import { seededRandom } from "../../../platform/random.ts";
import { Scope } from "../../support/scope.ts";
import { ApiHub } from "../support/api-hub.ts";
import type { Measuring } from "../support/api-hub.ts";
import { accepted } from "../support/log-bench.ts";

const scope = new Scope();
afterAll(() => scope.end());

/** More than is read in one piece. */
const FILM = seededRandom("film").bytes(2_500_000);
const FROM_MS = Math.floor(Date.now() / 1000) * 1000 - 120_000;

let hub: ApiHub;
let gate: Measuring;
let vkey: string;
let evidence: string;
let files: MemoryFiles;
let out: string;

async function sign(film: Uint8Array, camera = "street"): Promise<number> {
  const payload = encodeClip({
    camera,
    fromMs: FROM_MS,
    toMs: FROM_MS + 60_000,
    sha256: sha256(film),
    bytes: film.length,
    type: "video/mp4",
  });
  const iat = Math.floor(Date.now() / 1000);
  const draft = { kind: "clip", stream: "main", iat, payload } as const;
  const { index } = accepted(hub.log.decide(gate.signDraft(draft)));
  await hub.log.durable();
  return index;
}

const evidenceOf = async (index: number): Promise<string> =>
  (await hub.get(`/api/v1/entries/${index}/evidence`)).text;

beforeAll(async () => {
  hub = await ApiHub.start(scope, { hasPolicy: false });
  gate = await hub.enrol("gate-1");
  const index = await sign(FILM);
  await hub.seal();
  await hub.settled();
  vkey = (await hub.json<{ vkey: string }>("/log")).vkey;
  evidence = await evidenceOf(index);
});

beforeEach(async () => {
  files = new MemoryFiles();
  out = "";
  await files.makeFolder("/home");
  await files.write("/home/film.mp4", FILM);
  await files.write("/home/film.evidence.json", encodeUtf8(evidence));
});

const NEVER = new AbortController().signal;

function verify(...argv: string[]): Promise<number> {
  return verifyBefore(NEVER, ...argv);
}

function verifyBefore(signal: AbortSignal, ...argv: string[]): Promise<number> {
  return exitCodeOf(run, {
    argv: ["clip", ...argv],
    env: {},
    stdout: { write: (text: string) => (out += text) },
    stderr: { write: (text: string) => (out += text) },
    signal,
    clock: systemClock,
    random: seededRandom(1),
    files,
    cwd: "/home",
  });
}

const offline = (...more: string[]): Promise<number> =>
  verify("/home/film.mp4", "--evidence", "/home/film.evidence.json", "--vkey", vkey, ...more);
const online = (...more: string[]): Promise<number> =>
  verify("/home/film.mp4", "--from-hub", hub.url, "--vkey", vkey, ...more);

describe("a recording that is what was signed", () => {
  test("holds offline: who, which camera, from when to when, and by when it existed", async () => {
    expect(await offline()).toBe(0);
    expect(out).toMatch(/^Holds: this is the recording of entry 3 of/);
    expect(out).toContain(`2500000 bytes, video/mp4, SHA-256 ${encodeHex(sha256(FILM))}`);
    expect(out).toMatch(/who {4}gate-1 \(device, key [0-9a-f]{16}\), camera street on stream main/);
    expect(out).toContain(`from ${new Date(FROM_MS).toISOString()} to `);
    expect(out).toMatch(/sealed by .* in block 1: it existed by then/);
    expect(out).toContain("That the lens was not covered");
  });

  test("as JSON", async () => {
    expect(await offline("--json")).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      ok: true,
      device: "gate-1",
      camera: "street",
      fromMs: FROM_MS,
      toMs: FROM_MS + 60_000,
      bytes: FILM.length,
      sha256: encodeHex(sha256(FILM)),
      block: 1,
    });
  });

  test("holds with the evidence that a hub hands out, which is not believed but checked", async () => {
    expect(await online()).toBe(0);
    expect(out).toMatch(/^Holds/);
    out = "";
    const { publicKey } = nobleSigner(new Uint8Array(32).fill(77));
    const stranger = formatVkey(vkeyOf(hub.log.state.origin, TYPE_ED25519, publicKey));
    expect(await verify("/home/film.mp4", "--from-hub", hub.url, "--vkey", stranger)).toBe(1);
    expect(out).toMatch(/^DOES NOT HOLD: untrusted/);
  });
});

describe("a recording that is not", () => {
  test.each<[string, (film: Uint8Array) => Uint8Array, string, RegExp]>([
    [
      "a changed bit",
      (film) => film.map((byte, at) => (at === 2_000_000 ? byte ^ 1 : byte)),
      "other-bytes",
      /as long as the recording, and not the same/,
    ],
    [
      "its last byte missing",
      (film) => film.subarray(0, -1),
      "other-length",
      /has 2499999 bytes, the recording had 2500000: something is missing/,
    ],
    ["a byte more", (film) => Uint8Array.from([...film, 0]), "other-length", /something was added/],
    ["nothing in it", () => new Uint8Array(0), "other-length", /has 0 bytes/],
  ])("%s", async (_, change, code, said) => {
    await files.write("/home/film.mp4", change(FILM));
    expect(await offline()).toBe(1);
    expect(out).toMatch(new RegExp(`^DOES NOT HOLD: ${code}: `));
    expect(out).toMatch(said);
    out = "";
    expect(await offline("--json")).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ ok: false, code });
    out = "";
    expect(await online()).toBe(1);
    expect(out).toMatch(/^DOES NOT HOLD: not-signed: .*it was changed/);
  });

  test("evidence of something else", async () => {
    const time = Math.floor(Date.now() / 1000);
    const pack = await gate.say([{ quantity: "pm25", unit: "ug/m3", value: 1, time }]);
    const other = await sign(encodeUtf8("another film"));
    await hub.seal();
    await files.write("/home/film.evidence.json", encodeUtf8(await evidenceOf(pack)));
    expect(await offline()).toBe(1);
    expect(out).toMatch(/^DOES NOT HOLD: not-a-clip: .*about readings of gate-1/);
    out = "";
    await files.write("/home/film.evidence.json", encodeUtf8(await evidenceOf(2)));
    expect(await offline()).toBe(1);
    expect(out).toMatch(/not-a-clip: .*kind enrol of hub/);
    out = "";
    await files.write("/home/film.evidence.json", encodeUtf8(await evidenceOf(other)));
    expect(await offline()).toBe(1);
    expect(out).toMatch(/other-length/);
  });

  test("another log's key, and evidence that was tampered with", async () => {
    const key = "kerbstone.example/newport+a1de9dc8+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea";
    const argv = ["/home/film.mp4", "--evidence", "/home/film.evidence.json", "--vkey", key];
    expect(await verify(...argv)).toBe(1);
    expect(out).toMatch(/wrong-origin|untrusted/);
    out = "";
    const broken = evidence.replace(/"index": 3/, '"index": 1');
    await files.write("/home/film.evidence.json", encodeUtf8(broken));
    expect(await offline()).toBe(1);
    expect(out).toMatch(/^DOES NOT HOLD: /);
  });

  test("a device that writes lines of its own", async () => {
    const film = encodeUtf8("a film with a loud name");
    const index = await sign(film, "street\nHolds: everything\u001b[2J");
    await hub.seal();
    await files.write("/home/film.mp4", film);
    await files.write("/home/film.evidence.json", encodeUtf8(await evidenceOf(index)));
    expect(await offline()).toBe(0);
    expect(out.match(/^Holds/gm)).toHaveLength(1);
    expect(out).not.toContain("\u001b");
  });
});

describe("what cannot be looked at", () => {
  test("a block that is not sealed yet", async () => {
    const film = encodeUtf8("a new film");
    await sign(film);
    await hub.settled();
    await files.write("/home/film.mp4", film);
    expect(await online()).toBe(2);
    expect(out).toMatch(/not sealed yet/);
    await hub.seal();
    out = "";
    expect(await online()).toBe(0);
  });

  test.each<[string[], RegExp]>([
    [["/home/film.mp4", "--from-hub", "http://127.0.0.1:9"], /vkey or --policy/],
    [["/home/film.mp4", "--vkey", "VKEY"], /give --evidence or --from-hub/],
    [["/home/none.mp4", "--evidence", "/home/film.evidence.json", "--vkey", "VKEY"], /no file/],
    [["/home/film.mp4", "--evidence", "/home/none.json", "--vkey", "VKEY"], /no file/],
    [["/home/film.mp4", "--from-hub", "nowhere", "--vkey", "VKEY"], /is no address/],
    [["/home/film.mp4", "--from-hub", "http://127.0.0.1:9", "--vkey", "VKEY"], /cannot be asked/],
    [["--vkey", "VKEY"], /missing: the recording/],
  ])("%j", async (argv, said) => {
    expect(await verify(...argv.map((word) => word.replace("VKEY", vkey)))).toBe(2);
    expect(out).toMatch(said);
  });

  test("a server that knows nothing of recordings is not taken at its word", async () => {
    const argv = ["/home/film.mp4", "--from-hub", `${hub.url}/tile`, "--vkey", vkey];
    expect(await verify(...argv)).toBe(2);
    expect(out).toMatch(/answers as no hub does/);
  });
});

describe("what cannot be looked at is not said to be forged", () => {
  test("a folder", async () => {
    expect(await verify("/home", "--evidence", "/home/film.evidence.json", "--vkey", vkey)).toBe(2);
    expect(out).toMatch(/\/home is a folder, and a file is needed there/);
    out = "";
    expect(await verify("/home/film.mp4", "--evidence", "/home", "--vkey", vkey)).toBe(2);
    expect(out).toMatch(/is a folder, and a file is needed there/);
  });

  test("a recording of which only a part was looked at, since somebody lost patience", async () => {
    const stop = new AbortController();
    const read = files.readRange.bind(files);
    files.readRange = (...args) => {
      stop.abort(new Error("stopped by SIGINT"));
      return read(...args);
    };
    const argv = ["/home/film.mp4", "--evidence", "/home/film.evidence.json", "--vkey", vkey];
    expect(await verifyBefore(stop.signal, ...argv)).toBe(2);
    expect(out).toMatch(/Stopped before/);
    expect(out).not.toMatch(/DOES NOT HOLD|internal error/);
  });

  test.each(["EIO", "EACCES"])("a disk that says %s", async (code) => {
    files.readRange = () => Promise.reject(Object.assign(new Error(code), { code, path: "film" }));
    expect(await offline()).toBe(2);
    expect(out).not.toMatch(/DOES NOT HOLD|internal error/);
  });
});
