/**
 * The firmware of `firmware-sim/firmware`, built as its makefile does.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runProcess } from "./process.ts";
import type { Scope } from "./scope.ts";

const SOURCES = fileURLToPath(new URL("../../firmware-sim/firmware", import.meta.url));

/** Builds it in a folder of the test; gives the path of the file in Intel HEX. Needs `avrGcc`. */
export async function buildAirStation(
  scope: Scope,
  settings: readonly string[] = [],
): Promise<string> {
  const folder = await scope.folder("firmware");
  const make = ["-C", SOURCES, `BUILD=${folder}`, ...settings];
  const { code, stdout, stderr } = await runProcess(scope, { program: "make", args: make });
  if (code !== 0) throw new Error(`make ended with ${code}:\n${stdout}${stderr}`);
  return join(folder, "air-station.hex");
}
