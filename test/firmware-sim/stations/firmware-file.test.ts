import { expect, test } from "vitest";
import { encodeUtf8 } from "../../../ledger/bytes.ts";
import { loadFirmware } from "../../../firmware-sim/stations/firmware-file.ts";
import { readScenario } from "../../../firmware-sim/scenario/scenario.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import { assemble, HALT, hexFile } from "../avr/assemble.ts";

async function load(bytes: Uint8Array | undefined): Promise<unknown> {
  const files = new MemoryFiles();
  await files.makeFolder("/city");
  if (bytes !== undefined) await files.write("/city/a.hex", bytes);
  const scenario = readScenario({
    boards: [{ name: "a", firmware: "a.hex", listen: "127.0.0.1:0" }],
  });
  const plan = Array.isArray(scenario) ? undefined : scenario.stations[0];
  if (plan?.kind !== "firmware") throw new Error("no firmware");
  return loadFirmware(plan, { files, folder: "/city" });
}

test("firmware is loaded from beside its scenario", async () => {
  expect(await load(encodeUtf8(hexFile(assemble([HALT]))))).toMatchObject({ used: 2 * 0x41 });
});

test.each([
  ["is not there", undefined, "there is no file a.hex"],
  [
    "is an ELF file",
    Uint8Array.of(0x7f, 0x45, 0x4c, 0x46),
    "a.hex is no Intel HEX; make it of this ELF file with avr-objcopy -O ihex",
  ],
  [
    "is made of S-records",
    encodeUtf8("S0080000732E68657811\nS9030000FC\n"),
    "a.hex is no Intel HEX; make it of these S-records with avr-objcopy -I srec -O ihex",
  ],
  [
    "has no end",
    new Uint8Array(1024 * 1024 + 1),
    "a.hex is no Intel HEX: it has more than 1048576 bytes",
  ],
  ["is no text", Uint8Array.of(0xff, 0xfe), "a.hex is no Intel HEX"],
  ["is cut off", encodeUtf8(":0400000001020304F2\n"), "a.hex: there is no end record"],
])("firmware that %s is refused", async (_what, bytes, fault) => {
  expect(await load(bytes)).toEqual([expect.stringContaining(fault) as string]);
});
