/** `kerbstone edge renew` on a real folder: nothing is lost by it, whatever stands in its way and whenever it is cut short. */

import { chown, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, beforeEach, expect, test } from "vitest";
import { newCounters } from "../../../edge/counters.ts";
import { run } from "../../../edge/main.ts";
import type { AgentStatus } from "../../../edge/status/status.ts";
import { decodeBase64Url } from "../../../ledger/bytes.ts";
import { kidHex } from "../../../ledger/key.ts";
import { formatVkey, TYPE_ED25519, vkeyOf } from "../../../ledger/note.ts";
import { systemClock } from "../../../platform/clock.ts";
import { nodeFiles } from "../../../platform/files.ts";
import { lockFolder } from "../../../platform/folder-lock.ts";
import { createKey, loadKey } from "../../../platform/key-file.ts";
import { exitCodeOf } from "../../../platform/lifecycle.ts";
import { systemRandom } from "../../../platform/random.ts";
import { testScope } from "../../support/scope.ts";

const STATUS: AgentStatus = {
  device: "air-1",
  kid: "",
  atMs: 0,
  isConnected: false,
  clockSource: "system",
  halted: undefined,
  isHubBehind: false,
  waitsFor: undefined,
  waitingReadings: 0,
  nextSeq: 7,
  oldestSeq: 0,
  storedSeq: 2,
  lastAckMs: undefined,
  outboxBytes: 512,
  outboxBytesMax: 65_536,
  counters: newCounters(),
  sensors: [],
};

const ORIGIN = "kerbstone.example/test";
const scope = testScope();

let folder: string;
let settings: string;
let oldKid: string;

beforeEach(async () => {
  folder = await scope.folder("renew");
  settings = join(folder, "edge.toml");
  const key = await createKey(nodeFiles, join(folder, "key.pem"), systemRandom);
  oldKid = kidHex(key.publicKey);
  await writeSettings("http://127.0.0.1:9");
  await mkdir(join(folder, "data", "outbox"), { recursive: true });
  await writeFile(join(folder, "data", "outbox", "0000000000000000.outbox"), "what was signed");
  await writeFile(join(folder, "data", "halted.json"), "{}");
});

async function writeSettings(
  url: string,
  position = "[position]\nlat = 51.5\nlon = -3\n",
): Promise<void> {
  const vkey = formatVkey(vkeyOf(ORIGIN, TYPE_ED25519, new Uint8Array(32).fill(1)));
  await writeFile(
    settings,
    `name = "air-1"\norigin = "${ORIGIN}"\n[hub]\nmqtt = "mqtt://127.0.0.1:9"\nurl = "${url}"\nvkey = "${vkey}"\n` +
      `${position}[[sensors]]\nstream = "air"\ndriver = "sds011"\naddress = "tcp://127.0.0.1:9"\n`,
  );
}

async function renew(...flags: string[]): Promise<{ code: number; said: string }> {
  let said = "";
  const write = (text: string): void => void (said += text);
  const code = await exitCodeOf(run, {
    argv: ["renew", settings, ...flags],
    env: {},
    stdout: { write },
    stderr: { write },
    signal: new AbortController().signal,
    clock: systemClock,
    random: systemRandom,
    files: nodeFiles,
    cwd: folder,
  });
  return { code, said };
}

function claimIn(said: string): Record<string, unknown> {
  const claim = /kerbstone hub enrol (\S+)/.exec(said)![1]!;
  return JSON.parse(new TextDecoder().decode(decodeBase64Url(claim))) as Record<string, unknown>;
}

/** A hub's API that shows one device, or none. */
async function hubThatShows(device: object | undefined): Promise<string> {
  const server: Server = createServer((request, response) => {
    const isKnown = device !== undefined && request.url === "/api/v1/devices/air-1";
    response.statusCode = isKnown ? 200 : 404;
    response.end(JSON.stringify(isKnown ? device : {}));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  scope.defer(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("a new key with the old settings; the old key and its outbox are kept as they were", async () => {
  const before = await readFile(settings, "utf8");
  const oldPem = await readFile(join(folder, "key.pem"), "utf8");
  const { code, said } = await renew();
  expect(code).toBe(0);
  expect(await readFile(settings, "utf8")).toBe(before);
  const retired = join(folder, `key.pem.retired-${oldKid}`);
  expect(await readFile(retired, "utf8")).toBe(oldPem);
  expect((await stat(retired)).mode & 0o777).toBe(0o600);
  const data = join(folder, `data.retired-${oldKid}`);
  expect(await readFile(join(data, "outbox", "0000000000000000.outbox"), "utf8")).toBe(
    "what was signed",
  );
  expect((await readdir(data)).toSorted()).toEqual(["halted.json", "outbox"]);
  const kid = kidHex((await loadKey(nodeFiles, join(folder, "key.pem"))).publicKey);
  expect(kid).not.toBe(oldKid);
  expect(said).toContain("kerbstone hub revoke air-1 --reason replaced\n");
  expect(claimIn(said)).toMatchObject({
    kid,
    name: "air-1",
    origin: ORIGIN,
    streams: ["air"],
    visibility: "public",
    everySeconds: 60,
    lat: 51.5,
    lon: -3,
  });
  // Where the old ones were there is room for the new ones.
  expect(await readdir(join(folder, "data"))).toEqual([]);
});

test("what the hub shows of the old enrolment goes into the new one", async () => {
  const shown = { kid: oldKid, revoked: true, streams: ["air", "road"], everySeconds: 300 };
  const url = await hubThatShows({ ...shown, owner: "newport", lat: 1, lon: 2, model: "Box 3" });
  await writeSettings(url, "");
  const { code, said } = await renew("--reason", "stolen");
  expect(code).toBe(0);
  expect(said).toContain("kerbstone hub revoke air-1 --reason stolen\n");
  expect(claimIn(said)).toMatchObject({
    streams: ["air", "road"],
    everySeconds: 300,
    owner: "newport",
    lat: 1,
    lon: 2,
    model: "Box 3",
  });
});

test("the service's user finds a folder that it may write, as systemd wants it", async () => {
  expect((await renew()).code).toBe(0);
  expect((await stat(join(folder, "data"))).mode & 0o777).toBe(0o700);
});

test.runIf(process.getuid?.() === 0)(
  "run by root, it leaves all to the user of the old key",
  async () => {
    await chown(join(folder, "key.pem"), 12_345, 12_346);
    expect((await renew()).code).toBe(0);
    for (const name of ["key.pem", "data"]) {
      const { uid, gid } = await stat(join(folder, name));
      expect({ name, uid, gid }).toEqual({ name, uid: 12_345, gid: 12_346 });
    }
  },
);

test("cameras keep their streams, also where no hub shows them", async () => {
  const text = await readFile(settings, "utf8");
  const camera = '[[cameras]]\nname = "street"\nstream = "view"\nurl = "rtsp://127.0.0.1:9/1"\n';
  await writeFile(settings, text + camera);
  expect(claimIn((await renew()).said)).toMatchObject({ streams: ["air", "view"] });
});

test("flags say what is not known, or otherwise", async () => {
  await writeSettings(await hubThatShows(undefined), "");
  const refused = await renew();
  expect(refused).toMatchObject({ code: 2 });
  expect(refused.said).toMatch(/--lat needs a number/);
  expect(await readdir(folder)).toContain("key.pem");
  expect(await readdir(folder)).not.toContain(`key.pem.retired-${oldKid}`);
  const { code, said } = await renew(
    "--lat",
    "5",
    "--lon",
    "6",
    "--every-seconds",
    "10",
    "--model",
    "B",
  );
  expect(code).toBe(0);
  expect(claimIn(said)).toMatchObject({ lat: 5, lon: 6, everySeconds: 10, model: "B" });
});

test.each([
  ["a reason that is none", ["--reason", "bored"], /--reason is one of/],
  ["a place that is none", ["--lat", "north"], /--lat needs a number/],
])("%s changes nothing", async (_, flags, text) => {
  const before = (await readdir(folder)).toSorted();
  const { code, said } = await renew(...flags);
  expect(code).toBe(2);
  expect(said).toMatch(text);
  expect((await readdir(folder)).toSorted()).toEqual(before);
});

test("an agent that runs keeps its key", async () => {
  const lock = await lockFolder(join(folder, "data"));
  const { code, said } = await renew();
  await lock.release();
  expect(code).not.toBe(0);
  expect(said).toMatch(/in use|is used|running/i);
  expect(kidHex((await loadKey(nodeFiles, join(folder, "key.pem"))).publicKey)).toBe(oldKid);
});

test("cut short after the data were moved, it finishes the next time", async () => {
  await rename(join(folder, "data"), join(folder, `data.retired-${oldKid}`));
  // Somebody has started the agent meanwhile.
  await mkdir(join(folder, "data", "outbox"), { recursive: true });
  const { code, said } = await renew();
  expect(code).toBe(0);
  const names = await readdir(folder);
  expect(names).toContain(`data.retired-${oldKid}`);
  expect(names).toContain(`data.retired-${oldKid}-2`);
  expect(names).toContain(`key.pem.retired-${oldKid}`);
  expect(claimIn(said)["kid"]).not.toBe(oldKid);
});

test("cut short before the new key was made, it finishes the next time", async () => {
  await rename(join(folder, "data"), join(folder, `data.retired-${oldKid}`));
  await rename(join(folder, "key.pem"), join(folder, `key.pem.retired-${oldKid}`));
  const { code, said } = await renew();
  expect(code).toBe(0);
  expect(claimIn(said)["kid"]).not.toBe(oldKid);
});

test("a key that cannot be read is left alone, with everything else", async () => {
  await rm(join(folder, "key.pem"));
  await writeFile(join(folder, "key.pem"), "no key", { mode: 0o600 });
  const { code, said } = await renew();
  expect(code).not.toBe(0);
  expect(said).toMatch(/holds no private key/);
  expect(await readdir(folder)).toContain("data");
});

describe("what the old key has signed, and the hub does not have", () => {
  const say = (status: Partial<AgentStatus>): Promise<void> =>
    writeFile(
      join(folder, "data", "status.json"),
      JSON.stringify({ ...STATUS, kid: oldKid, nextSeq: 7, storedSeq: 2, ...status }),
    );

  test("is sent first, unless somebody gives it up", async () => {
    await say({});
    const refused = await renew();
    expect([refused.code, refused.said]).toEqual([
      1,
      expect.stringMatching(/does not have yet .*: 4 statements, 3 to 6.*--abandon/s),
    ]);
    expect((await readdir(folder)).toSorted()).toEqual(["data", "edge.toml", "key.pem"]);
    const { code, said } = await renew("--abandon");
    expect([code, said]).toEqual([0, expect.stringContaining("not at the hub as far as this")]);
  });

  test.each<[string, Partial<AgentStatus>]>([
    ["has stopped", { halted: { reason: "foreign-statements", text: "" } }],
    ["is not let in", { isLoginRefused: true }],
  ])("cannot be sent by a device that %s, which says so", async (_, status) => {
    await say({ ...status, nextSeq: 4 });
    const { code, said } = await renew();
    expect([code, said]).toEqual([
      0,
      expect.stringContaining("this device knows: 1 statement, 3."),
    ]);
  });

  test.each<[string, Partial<AgentStatus>]>([
    ["all is stored", { storedSeq: 6 }],
    ["nothing was signed", { nextSeq: undefined, storedSeq: -1 }],
    ["it is another key's", { kid: "0".repeat(16) }],
  ])("is nothing where %s", async (_, status) => {
    await say(status);
    const { code, said } = await renew();
    expect([code, said.includes("not at the hub")]).toEqual([0, false]);
  });
});

test("the claim is kept beside the settings", async () => {
  const { said } = await renew();
  const claim = await readFile(join(folder, "claim.txt"), "utf8");
  expect(said).toContain(`kerbstone hub enrol ${claim}`);
});
