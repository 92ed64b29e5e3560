/** The settings of cameras: what is taken, and what is refused with a sentence that says what to do. */

import { beforeEach, describe, expect, test } from "vitest";
import { parseCameraAddress } from "../../../edge/cameras/camera-address.ts";
import { cameraSetup, readCameraAccess } from "../../../edge/settings/camera-setup.ts";
import { loadEdgeConfig } from "../../../edge/settings/config.ts";
import type { EdgeConfig } from "../../../edge/settings/config.ts";
import { formatSettings, parseCamera } from "../../../edge/settings/settings-file.ts";
import { encodeUtf8 } from "../../../ledger/bytes.ts";
import { ConfigError } from "../../../platform/config-fault.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import { CERTIFICATE } from "../cameras/rtsp/camera-certificate.ts";

const HEAD = `name = "gate-1"
origin = "kerbstone.example/test"
hub = { mqtt = "mqtts://hub.example", vkey = "x" }
`;
const CAMERA = `[[cameras]]
name = "street"
stream = "camera"
url = "rtsp://192.168.1.20/stream1"
`;

let files: MemoryFiles;

beforeEach(async () => {
  files = new MemoryFiles();
  await files.makeFolder("/home");
});

async function load(text: string): Promise<EdgeConfig> {
  await files.write("/home/edge.toml", encodeUtf8(text));
  return loadEdgeConfig({ file: "/home/edge.toml", env: {}, flags: {}, files });
}

async function faultsOf(text: string): Promise<string> {
  const error: unknown = await load(text).catch((cause: unknown) => cause);
  if (!(error instanceof ConfigError)) throw new Error("expected a ConfigError", { cause: error });
  return error.message;
}

describe("a camera", () => {
  test("is enough for a device, and has no preview unless it is set", async () => {
    const { cameras, sensors, ffmpeg } = await load(HEAD + CAMERA);
    expect(sensors).toEqual([]);
    expect(ffmpeg).toBe("ffmpeg");
    expect(cameras).toEqual([
      {
        name: "street",
        stream: "camera",
        url: "rtsp://192.168.1.20/stream1",
        plainPassword: false,
        segmentSeconds: 60,
        keepBytesMax: 4_294_967_296,
        keepHoursMax: 72,
        silentSeconds: 10,
        publicClips: false,
      },
    ]);
    const seen = await load(`${HEAD}${CAMERA}preview = {}\n`);
    expect(seen.cameras[0]!.preview).toEqual({ width: 640, framesPerSecond: 5 });
  });

  test("none at all is the usual case; a device without anything is none", async () => {
    const sensor = `[[sensors]]\nstream = "air"\ndriver = "sds011"\naddress = "/dev/ttyUSB0"\n`;
    expect((await load(HEAD + sensor)).cameras).toEqual([]);
    expect(await faultsOf(HEAD)).toMatch(/at least one sensor, or a camera/);
  });

  test.each([
    ["no RTSP", 'url = "http://192.168.1.20/"', /expected rtsp:\/\//],
    ["no address", 'url = "rtsp:///x"', /expected rtsp:\/\//],
    ["a user without a password", 'username = "a"', /expected the file with the password/],
    ["a password without a user", 'passwordFile = "p"', /expected the user whose password/],
    ["a certificate without TLS", 'certificate = "c"', /begins with rtsps/],
    ["too little room", "keepBytesMax = 1_000_000", /room for one recording.*7500000/],
    ["too little time", "keepHoursMax = 0.01", /length of one recording/],
    ["too many recordings", "keepHoursMax = 5000", /at most 100000 recordings/],
    [
      "recordings that are too short for the time",
      "segmentSeconds = 2",
      /segmentSeconds.*at least 3,/,
    ],
    ["a preview that is too wide", "preview = { width = 4000 }", /preview\.width/],
    ["something that there is not", "sound = true", /no such setting/],
  ])("with %s is refused", async (_, line, said) => {
    const [key] = line.split(" ");
    const others = CAMERA.split("\n").filter((each) => !each.startsWith(`${key} `));
    expect(await faultsOf(`${HEAD}${others.join("\n")}${line}\n`)).toMatch(said);
  });

  test("with a password in its address is refused, and the password is not shown", async () => {
    const text = CAMERA.replace("192", "admin:hunter2@192");
    const said = await faultsOf(HEAD + text);
    expect(said).toMatch(/username and passwordFile/);
    expect(said).not.toMatch(/hunter2/);
    expect(() => parseCamera("street=rtsp://admin:hunter2@192.168.1.20/1")).toThrow(/passwordFile/);
    const thrown: unknown = await Promise.resolve()
      .then(() => parseCamera("street=rtsp://admin:hunter2@192.168.1.20/1"))
      .catch((error: unknown) => error);
    expect(String(thrown)).not.toMatch(/hunter2/);
  });

  test("of a name that another has is refused", async () => {
    expect(await faultsOf(HEAD + CAMERA + CAMERA)).toMatch(/name of its own for each camera/);
  });

  test("counts among the device's streams", async () => {
    const many = Array.from({ length: 16 }, (_, at) =>
      CAMERA.replace("street", `c${at}`).replace('"camera"', `"s${at}"`),
    );
    expect((await load(HEAD + many.join(""))).cameras).toHaveLength(16);
    const sensor = `[[sensors]]\nstream = "air"\ndriver = "sds011"\naddress = "/dev/ttyUSB0"\n`;
    expect(await faultsOf(HEAD + sensor + many.join(""))).toMatch(/at most 16 streams/);
  });

  test("of a restricted device has to say that its clips may be seen", async () => {
    const restricted = `visibility = "restricted"\n${HEAD}${CAMERA}`;
    expect(await faultsOf(restricted)).toMatch(/publicClips.*all can see when the camera recorded/);
    const { cameras } = await load(`${restricted}publicClips = true\n`);
    expect(cameras[0]!.publicClips).toBe(true);
  });
});

test("addresses are taken apart as cameras have them", () => {
  expect(parseCameraAddress("rtsp://camera.example/a?channel=1&subtype=0")).toEqual({
    url: "rtsp://camera.example/a?channel=1&subtype=0",
    shown: "rtsp://camera.example/a?channel=1&subtype=0",
    host: "camera.example",
    port: 554,
    isTls: false,
  });
  expect(parseCameraAddress("rtsps://[2001:db8::1]:8322/")).toMatchObject({
    host: "2001:db8::1",
    port: 8322,
    isTls: true,
  });
  expect(parseCameraAddress("rtsps://c/")).toMatchObject({ port: 322 });
  for (const text of ["", "street", "rtsp://", "rtsp://a b/", "rtsp://a/\r\nX: y", "rtsp://a/#b"]) {
    expect(typeof parseCameraAddress(text), text).toBe("string");
  }
});

describe("how it is reached", () => {
  const login = `username = "viewer"\npasswordFile = "password"\n`;

  async function accessOf(text: string): ReturnType<typeof readCameraAccess> {
    const { cameras } = await load(HEAD + text);
    return readCameraAccess(files, "/home", cameras[0]!);
  }

  test("the password comes from a file that its owner alone may read", async () => {
    await files.write("/home/password", encodeUtf8("hunter2\n"), { mode: 0o600 });
    expect(await accessOf(CAMERA + login)).toMatchObject({
      credentials: { username: "viewer", password: "hunter2" },
      plainPassword: false,
      silentMs: 10_000,
    });
    await files.write("/home/password", encodeUtf8("hunter2\n"), { mode: 0o644 });
    await expect(accessOf(CAMERA + login)).rejects.toThrow(/can be read by others/);
    await files.remove("/home/password");
    await expect(accessOf(CAMERA + login)).rejects.toThrow(/no password file/);
  });

  test("a certificate is read, and what is none is refused", async () => {
    const secure = CAMERA.replace("rtsp:", "rtsps:") + `certificate = "camera.pem"\n`;
    await files.write("/home/camera.pem", encodeUtf8(CERTIFICATE));
    expect((await accessOf(secure)).certificate?.length).toBeGreaterThan(100);
    await files.write("/home/camera.pem", encodeUtf8("hello"));
    await expect(accessOf(secure)).rejects.toThrow(/no certificate in PEM/);
  });

  test("limits are in bytes and hours", async () => {
    const { cameras } = await load(`${HEAD}${CAMERA}keepHoursMax = 2\npreview = { width = 320 }\n`);
    expect(await cameraSetup(files, "/home", cameras[0]!)).toMatchObject({
      limits: { bytesMax: 4_294_967_296, ageMsMax: 7_200_000 },
      preview: { width: 320, framesPerSecond: 5 },
    });
  });
});

test("what edge init writes for a camera is read again", async () => {
  const camera = parseCamera("gate:street=rtsp://192.168.1.20/stream1");
  expect(camera).toEqual({ name: "street", stream: "gate", url: "rtsp://192.168.1.20/stream1" });
  expect(parseCamera("street=rtsp://h/1").stream).toBe("camera");
  expect(() => parseCamera("rtsp://192.168.1.20/stream1")).toThrow(/does not name a camera/);
  const text = formatSettings({
    origin: "kerbstone.example/test",
    name: "gate-1",
    streams: ["gate"],
    visibility: "public",
    everySeconds: 60,
    lat: 51,
    lon: -3,
    isMoving: false,
    hub: { mqtt: "mqtts://hub.example", vkey: "x", hasPolicy: false },
    sensors: [],
    cameras: [camera],
  });
  expect((await load(text)).cameras).toMatchObject([camera]);
});
