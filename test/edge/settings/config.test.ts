/** The settings of an agent: what must hold between its sensors. */
import { expect, test } from "vitest";
import { loadEdgeConfig } from "../../../edge/settings/config.ts";
import { encodeUtf8 } from "../../../ledger/bytes.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";

const HEAD = `
name = "air-1"
origin = "kerbstone.example/newport"
[hub]
mqtt = "mqtts://hub.example"
vkey = "x"
`;

/** What is wrong with settings whose sensors have these addresses; empty where nothing is. */
async function faultsOf(...addresses: string[]): Promise<string> {
  const files = new MemoryFiles();
  await files.makeFolder("/home");
  const sensors = addresses.map(
    (address) => `[[sensors]]\nstream = "air"\ndriver = "sds011"\naddress = "${address}"\n`,
  );
  await files.write("/home/edge.toml", encodeUtf8([HEAD, ...sensors].join("\n")));
  return loadEdgeConfig({ file: "/home/edge.toml", env: {}, flags: {}, files }).then(
    () => "",
    (error: unknown) => (error as Error).message,
  );
}

test("a serial port is one sensor's, however it is written", async () => {
  expect(await faultsOf("/dev/ttyUSB0", "/dev/ttyUSB1")).toBe("");
  expect(await faultsOf("/dev/ttyUSB1", "/dev/ttyUSB0", "serial:/dev/ttyUSB0?baud=4800")).toMatch(
    "sensors[1] has /dev/ttyUSB0 for itself",
  );
});

test("a converter may serve several", async () => {
  expect(await faultsOf("tcp://converter:4001", "tcp://converter:4001")).toBe("");
});

test("too many sensors are told the bound, without repeating them all", async () => {
  const text = await faultsOf(
    ...Array.from({ length: 65 }, (_, at) => `tcp://converter:${at + 1}`),
  );
  expect(text).toMatch(/sensors: expected a list of at most 64: a table, found \[.*and 61 more\]/);
  expect(text.length).toBeLessThan(700);
});
