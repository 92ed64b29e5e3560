/** A device's settings by their file or their folder, and what is said of anything else. */

import { beforeEach, expect, test } from "vitest";
import { loadDevice } from "../../../edge/settings/device-settings.ts";
import { formatSettings } from "../../../edge/settings/settings-file.ts";
import { encodeUtf8 } from "../../../ledger/bytes.ts";
import { createKey } from "../../../platform/key-file.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import { seededRandom } from "../../../platform/random.ts";
import { UserError } from "../../../platform/user-error.ts";

let files: MemoryFiles;

const SETTINGS = formatSettings({
  origin: "kerbstone.example/test",
  name: "air-1",
  streams: ["air"],
  visibility: "public",
  everySeconds: 60,
  lat: 51,
  lon: -3,
  isMoving: false,
  hub: { mqtt: "mqtts://hub.example", vkey: "x", hasPolicy: false },
  sensors: [{ stream: "air", driver: "sds011", address: "/dev/ttyUSB0" }],
});

const load = (path: string, flags = {}): ReturnType<typeof loadDevice> =>
  loadDevice({ cwd: "/home/pi", env: {}, files }, path, flags);

beforeEach(async () => {
  files = new MemoryFiles();
  await files.makeFolder("/home/pi/air-1/data");
  await files.write("/home/pi/air-1/edge.toml", encodeUtf8(SETTINGS));
  await createKey(files, "/home/pi/air-1/key.pem", seededRandom(1));
});

test.each(["air-1/edge.toml", "air-1", "air-1/", "/home/pi/air-1"])("finds %s", async (path) => {
  const { file, folder, config } = await load(path);
  expect([file, folder]).toEqual(["/home/pi/air-1/edge.toml", "/home/pi/air-1"]);
  expect(config.name).toBe("air-1");
});

test("lets flags win over the file", async () => {
  expect((await load("air-1", { "log-level": "debug" })).config.logLevel).toBe("debug");
});

test.each<[string, string, string]>([
  [
    "air-2",
    "There is no settings file /home/pi/air-2.",
    "kerbstone edge init makes a device's edge.toml.",
  ],
  [
    "air-1/data",
    "The folder /home/pi/air-1/data has no edge.toml.",
    "kerbstone edge init makes a device's edge.toml.",
  ],
  [
    "air-1/key.pem",
    "/home/pi/air-1/key.pem holds a key or a certificate, and a settings file is needed.",
    "Did you mean /home/pi/air-1/edge.toml?",
  ],
])("of %s it says what was expected", async (path, message, hint) => {
  const refused = await load(path).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(UserError);
  expect(refused).toMatchObject({ message, hint, exitCode: 2 });
});

test("a key that lies alone comes with no wrong guess", async () => {
  await files.remove("/home/pi/air-1/edge.toml");
  const refused = await load("air-1/key.pem").catch((error: unknown) => error);
  expect(refused).toMatchObject({ hint: "kerbstone edge init makes a device's edge.toml." });
});
