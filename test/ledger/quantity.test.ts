import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { isName } from "../../ledger/name.ts";
import { faultName, faultOf, QUANTITIES } from "../../ledger/quantity.ts";

test("docs/quantities.md lists the quantities of the code, with the same units and ranges", () => {
  const document = readFileSync(new URL("../../docs/quantities.md", import.meta.url), "utf8");
  const rows = document
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => line.split("|").map((cell) => cell.trim().replaceAll("`", "")));
  const documented = rows.map(([, name, unit, measurement, title, min, max]) => [
    name,
    { unit: unit === "none" ? "" : unit, measurement, title, min: Number(min), max: Number(max) },
  ]);
  expect(documented).toEqual([...QUANTITIES]);
});

test("names of quantities and of their fault records are names", () => {
  for (const name of QUANTITIES.keys()) {
    expect(isName(name) && isName(faultName(name))).toBe(true);
    expect(faultOf(faultName(name))).toBe(name);
    expect(faultOf(name)).toBeUndefined();
  }
});
