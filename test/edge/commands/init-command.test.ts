/** Making a device: key, pinned settings, and a request that a hub takes. */

import { Buffer } from "node:buffer";
import { once } from "node:events";
import { createServer } from "node:http";
import type { Server, ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { initEdge } from "../../../edge/commands/init-command.ts";
import type { InitPorts } from "../../../edge/commands/init-command.ts";
import { loadEdgeConfig } from "../../../edge/settings/config.ts";
import { decodeBase64Url, decodeHex, encodeUtf8 } from "../../../ledger/bytes.ts";
import { holdsPossession } from "../../../ledger/kinds/possession.ts";
import { formatVkey, TYPE_COSIGNATURE, TYPE_ED25519, vkeyOf } from "../../../ledger/note.ts";
import { nobleSigner } from "../../../ledger/signature.ts";
import { ManualClock } from "../../../platform/clock.ts";
import type { FolderLock } from "../../../platform/folder-lock.ts";
import { loadKey } from "../../../platform/key-file.ts";
import { exitCodeOf } from "../../../platform/lifecycle.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import { opensslVerify } from "../../../platform/native-verify.ts";
import { seededRandom } from "../../../platform/random.ts";
import { TEST_CERTIFICATE, TEST_CERTIFICATE_KEY } from "../../support/test-certificate.ts";

const ORIGIN = "kerbstone.example/test";
const VKEY = vkeyFor(1);
const OFFLINE = ["--origin", ORIGIN, "--vkey", VKEY, "--mqtt", "mqtts://hub.example:8883"];
const DEVICE = [
  "--name",
  "air-1",
  "--sensor",
  "air:sds011=/dev/ttyUSB0",
  "--lat",
  "51.5",
  "--lon=-3",
];

let files: MemoryFiles;
let stdout = "";
let stderr = "";
let server: Server;
let said: unknown;
let onLocked: () => void;

function vkeyFor(seed: number): string {
  const { publicKey } = nobleSigner(new Uint8Array(32).fill(seed));
  return formatVkey(vkeyOf(ORIGIN, TYPE_ED25519, publicKey));
}

beforeAll(async () => {
  server = createServer((_, response) => response.end(JSON.stringify(said)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

afterAll(() => {
  server.close();
});

beforeEach(async () => {
  files = new MemoryFiles();
  onLocked = () => undefined;
  await files.makeFolder("/home");
  stdout = "";
  stderr = "";
  said = { origin: ORIGIN, vkey: VKEY, mqttPort: 1884 };
});

const ports: InitPorts = {
  names: { list: () => Promise.resolve([]), target: () => Promise.resolve(undefined) },
  connectLine: () => () => Promise.reject(new Error("nobody listens here")),
  lock: () => {
    onLocked();
    return Promise.resolve({ release: () => Promise.resolve() });
  },
};

function init(argv: string[], answer?: string): Promise<number> {
  return exitCodeOf((io) => initEdge(io, argv, ports), {
    argv,
    env: {},
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    ...(answer === undefined ? {} : { stdin: answering(answer) }),
    signal: new AbortController().signal,
    clock: new ManualClock(0),
    random: seededRandom(1),
    files,
    cwd: "/home",
  });
}

async function* answering(text: string): AsyncIterable<Uint8Array> {
  yield await Promise.resolve(Buffer.from(text));
}

const hubUrl = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

test("makes a key for its owner alone, settings that load, and a request that shows possession", async () => {
  expect(await init([...DEVICE, ...OFFLINE, "--stream", "node"])).toBe(0);
  const signer = await loadKey(files, "/home/air-1/key.pem");
  const config = await loadEdgeConfig({ file: "/home/air-1/edge.toml", env: {}, flags: {}, files });
  expect(config).toMatchObject({
    name: "air-1",
    origin: ORIGIN,
    visibility: "public",
    hub: { mqtt: "mqtts://hub.example:8883", vkey: VKEY },
    position: { lat: 51.5, lon: -3 },
    pack: { seconds: 10, readingsMax: 64 },
    sensors: [{ stream: "air", driver: "sds011", address: "/dev/ttyUSB0" }],
  });
  expect(stdout).toMatch(/until the hub has sealed it\. .*policy = "policy\.txt" under \[hub\]/);
  const word = /kerbstone hub enrol (\S+)/.exec(stdout)![1]!;
  const request = JSON.parse(Buffer.from(decodeBase64Url(word)!).toString()) as Record<
    string,
    string
  >;
  expect(request).toMatchObject({
    kerbstone: "enrolment/v1",
    name: "air-1",
    role: "device",
    lat: 51.5,
  });
  expect(request["streams"]).toEqual(["node", "air"]);
  const key = decodeHex(request["publicKey"]!)!;
  const pop = decodeHex(request["pop"]!)!;
  expect(key).toEqual(signer.publicKey);
  const proof = { origin: ORIGIN, name: "air-1", role: "device" as const, key, pop };
  expect(holdsPossession(proof, opensslVerify)).toBe(true);
});

test("with the policy of a quorum it says that cosignatures are waited for", async () => {
  const { publicKey } = nobleSigner(new Uint8Array(32).fill(9));
  const witness = formatVkey(vkeyOf("peer.example/mirror", TYPE_COSIGNATURE, publicKey));
  const policy = `log ${VKEY}\nwitness gwent ${witness}\nquorum gwent\n`;
  await files.write("/home/policy.txt", encodeUtf8(policy));
  expect(await init([...DEVICE, ...OFFLINE, "--policy", "policy.txt"])).toBe(0);
  expect(stdout).toContain("until the quorum of policy.txt has cosigned it.");
  expect(stdout).not.toContain("until the hub has sealed it");
});

test("a device may be nothing but a camera, whose address holds no password", async () => {
  const device = ["--name", "gate-1", "--lat", "51.5", "--lon=-3"];
  const camera = ["--camera", "street=rtsp://192.168.1.20/stream1"];
  expect(await init([...device, ...OFFLINE, ...camera])).toBe(0);
  const file = "/home/gate-1/edge.toml";
  const config = await loadEdgeConfig({ file, env: {}, flags: {}, files });
  expect(config).toMatchObject({
    sensors: [],
    cameras: [{ name: "street", stream: "camera", url: "rtsp://192.168.1.20/stream1" }],
  });
  const word = /kerbstone hub enrol (\S+)/.exec(stdout)![1]!;
  expect(Buffer.from(decodeBase64Url(word)!).toString()).toContain('"streams":["camera"]');
  const secret = ["--camera", "yard=rtsp://admin:hunter2@192.168.1.21/"];
  expect(await init(["--name", "gate-2", ...device.slice(2), ...OFFLINE, ...secret])).toBe(2);
  expect(stderr).toContain("passwordFile");
  expect(stderr + stdout).not.toContain("hunter2");
});

test("asks the hub, shows its key, and pins it after a yes", async () => {
  expect(await init([...DEVICE, "--hub", hubUrl()], "y\n")).toBe(0);
  expect(stdout).toContain(VKEY);
  const config = await loadEdgeConfig({ file: "/home/air-1/edge.toml", env: {}, flags: {}, files });
  expect(config.hub).toMatchObject({ vkey: VKEY, mqtt: "mqtt://127.0.0.1:1884", url: hubUrl() });
});

test("a hub behind a private authority is asked with that, which is kept beside the settings", async () => {
  const answer = (_: unknown, response: ServerResponse): unknown =>
    response.end(JSON.stringify(said));
  const cert = { cert: TEST_CERTIFICATE, key: TEST_CERTIFICATE_KEY };
  const secure = createSecureServer(cert, answer).listen(0, "127.0.0.1");
  await once(secure, "listening");
  const url = `https://127.0.0.1:${(secure.address() as AddressInfo).port}`;
  try {
    const argv = [...DEVICE, "--hub", url, "--vkey", VKEY];
    expect(await init(argv)).not.toBe(0);
    expect(stderr).toMatch(/cannot be asked: .*certificate/);
    await files.write("/home/ca.pem", encodeUtf8("no certificate"));
    expect(await init([...argv, "--hub-ca", "ca.pem"])).not.toBe(0);
    expect(stderr).toMatch(/\/home\/ca\.pem holds no certificate in PEM/);
    await files.write("/home/ca.pem", encodeUtf8(TEST_CERTIFICATE));
    expect(await init([...argv, "--hub-ca", "ca.pem"])).toBe(0);
  } finally {
    secure.close();
  }
  const config = await loadEdgeConfig({ file: "/home/air-1/edge.toml", env: {}, flags: {}, files });
  expect(config.hub).toMatchObject({ ca: "hub-ca.pem", mqtt: "mqtts://127.0.0.1:1884" });
  expect(await files.read("/home/air-1/hub-ca.pem")).toEqual(encodeUtf8(TEST_CERTIFICATE));
});

test.each(["n\n", "", "yo\n"])("makes nothing without a yes (%j)", async (answer) => {
  expect(await init([...DEVICE, "--hub", hubUrl()], answer)).toBe(2);
  expect(stderr).toContain("not confirmed");
  expect(await files.exists("/home/air-1")).toBe(false);
});

test("a hub that shows another key than the operator gave is not pinned", async () => {
  const argv = [...DEVICE, "--hub", hubUrl(), "--vkey", vkeyFor(2)];
  expect(await init(argv)).toBe(2);
  expect(stderr).toContain("another key");
  expect(await files.exists("/home/air-1")).toBe(false);
});

test("a key with a wrong letter is no key, rather than another one", async () => {
  const wrong = VKEY.replace(/.$/, (last) => (last === "A" ? "B" : "A"));
  expect(await init([...DEVICE, "--hub", hubUrl(), "--vkey", wrong])).toBe(2);
  expect(stderr).toMatch(/--vkey cannot be read/);
  expect(stderr).not.toMatch(/another key/);
});

test("a second time it overwrites nothing", async () => {
  expect(await init([...DEVICE, ...OFFLINE])).toBe(0);
  const key = await files.read("/home/air-1/key.pem");
  expect(await init([...DEVICE, ...OFFLINE])).toBe(2);
  expect(await files.read("/home/air-1/key.pem")).toEqual(key);
  expect(stderr).toContain("already there");
});

test("another attempt that was faster is not written over, and its folder is not for others to write in", async () => {
  let isFirst = true;
  let other: Promise<number> | undefined;
  const folders: unknown[] = [];
  const makeFolder = files.makeFolder.bind(files);
  files.makeFolder = (path, options) => {
    folders.push(options);
    return makeFolder(path, options);
  };
  onLocked = () => {
    if (isFirst) other = init([...DEVICE, ...OFFLINE]);
    isFirst = false;
  };
  const afterOther = async (folder: string): Promise<FolderLock> => {
    const lock = await ports.lock(folder);
    await other;
    return lock;
  };
  const patient = { ...ports, lock: afterOther };
  const io = { argv: [], env: {}, stdout: { write: () => 0 }, stderr: { write: () => 0 } };
  const parts = { signal: new AbortController().signal, clock: new ManualClock(0), files };
  const slow = initEdge(
    { ...io, ...parts, random: seededRandom(2), cwd: "/home" },
    [...DEVICE, ...OFFLINE],
    patient,
  );
  await expect(slow).rejects.toThrow("already there");
  expect(await other).toBe(0);
  expect(folders).toEqual([{ mode: 0o755 }, { mode: 0o755 }]);
});

test.each([
  [["--name", "Air 1"], "--name"],
  [["--lat", "91"], "--lat"],
  [["--lat", ""], "--lat"],
  [["--sensor", "sds011"], "--sensor"],
  [["--sensor", "air:teapot=/dev/ttyUSB0"], "sensors[1].driver"],
  [["--sensor", "air:sds011=ttyUSB0"], "sensors[1].address"],
  [["--visibility", "secret"], "--visibility"],
  [["--vkey", "nonsense"], "vkey"],
  [["--origin", "other.example"], "other.example"],
  [["--mqtt", "mqtt://hub.example"], "mqtts://"],
  [["--policy", "missing.txt"], "missing.txt"],
  [["--stream"], "--stream"],
  [["--nmae", "x"], "did you mean --name"],
])("%j is one clear sentence", async (wrong, text) => {
  expect(await init([...DEVICE, ...OFFLINE, ...wrong])).toBe(2);
  expect(stderr).toContain(text);
  expect(stderr).not.toContain("internal error");
  expect(await files.exists("/home/air-1/edge.toml")).toBe(false);
});

test("a hub that cannot be asked is one clear sentence", async () => {
  said = "hello";
  expect(await init([...DEVICE, "--hub", hubUrl()], "y\n")).toBe(2);
  expect(stderr).toContain("cannot be asked");
});

test("a board of the LAN comes with where it is reached, and a stream of its own", async () => {
  const lan = [
    "--push",
    "0.0.0.0:8093",
    "--broker",
    "mqtts://broker.example",
    "--username",
    "edge",
  ];
  const more = [
    "--password-file",
    "secret",
    "--sensor",
    "kitchen:zigbee2mqtt=mqtt:zigbee2mqtt/kitchen",
  ];
  const board = ["--sensor", "roof:airrohr=push:esp8266-123"];
  expect(await init([...DEVICE, ...OFFLINE, ...board, ...lan, ...more])).toBe(0);
  const config = await loadEdgeConfig({ file: "/home/air-1/edge.toml", env: {}, flags: {}, files });
  expect(config.lan).toEqual({
    broker: "mqtts://broker.example",
    username: "edge",
    passwordFile: "/home/secret",
    push: "0.0.0.0:8093",
  });
  expect(config.sensors.map(({ address }) => address)).toEqual([
    "/dev/ttyUSB0",
    "push:esp8266-123",
    "mqtt:zigbee2mqtt/kitchen",
  ]);
});

test.each([
  [
    ["--sensor", "roof:airrohr=push:esp8266-123"],
    /Where does the board of push:esp8266-123 push to/,
  ],
  [["--sensor", "roof:tasmota=mqtt:tele/a/SENSOR"], /Where is the broker of mqtt:tele\/a\/SENSOR/],
  [["--sensor", "roof:tasmota=mqtt:tele/a/SENSOR", "--broker", "broker"], /broker: expected mqtt:/],
  [["--sensor", "air:airrohr=push:x", "--push", "8093"], /a stream of its own/],
])("a board of the LAN is refused with a sentence: %j", async (argv, expected) => {
  expect(await init([...DEVICE, ...OFFLINE, ...argv])).toBe(2);
  expect(stderr).toMatch(expected);
  expect(await files.exists("/home/air-1/edge.toml")).toBe(false);
});

describe("where a device stands", () => {
  const UNPLACED = DEVICE.slice(0, 4);

  test("is asked for, echoed, and asked again where it was not two numbers", async () => {
    const answers = [
      "51,58 -2,99",
      "51.5877N 2.9935W",
      "91 0",
      "58, -2.99",
      "n",
      "51.5877 -2.9935",
      "y",
    ];
    expect(await init([...UNPLACED, ...OFFLINE], answers.map((text) => `${text}\n`).join(""))).toBe(
      0,
    );
    expect(stdout.match(/Two numbers are expected/g)).toHaveLength(3);
    expect(stdout).toContain("Latitude 58, longitude -2.99: is that right?");
    const config = await loadEdgeConfig({
      file: "/home/air-1/edge.toml",
      env: {},
      flags: {},
      files,
    });
    expect(config.position).toMatchObject({ lat: 51.5877, lon: -2.9935 });
  });

  test.each([undefined, "", "n\n".repeat(9)])(
    "is missing where nobody says it (%j)",
    async (answer) => {
      expect(await init([...UNPLACED, ...OFFLINE], answer)).toBe(2);
      expect(stderr).toMatch(
        /Where does the device stand\? That is missing: give --lat and --lon\./,
      );
      expect(await files.exists("/home/air-1")).toBe(false);
    },
  );
});

test("the claim is kept beside the settings, and found again", async () => {
  expect(await init([...DEVICE, ...OFFLINE])).toBe(0);
  const claim = new TextDecoder().decode(await files.read("/home/air-1/claim.txt"));
  expect(stdout).toContain(`kerbstone hub enrol ${claim}`);
  expect(await init([...DEVICE, ...OFFLINE])).toBe(2);
  expect(stderr).toContain("The claim for the operator is kept in /home/air-1/claim.txt");
});
