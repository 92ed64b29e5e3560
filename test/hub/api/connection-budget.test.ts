/** How many connections fit into a process's files. */

import { describe, expect, test } from "vitest";
import { connectionBudget, openFilesMax } from "../../../hub/api/connection-budget.ts";
import { nodeFiles } from "../../../platform/files.ts";
import { decodeUtf8 } from "../../../ledger/bytes.ts";

const TABLE = `Limit                     Soft Limit           Hard Limit           Units
Max processes             31184                31184                processes
Max open files            4096                 524288               files
Max locked memory         8388608              8388608              bytes
`;

describe("the limit on open files", () => {
  test("is the soft one of the table", () => {
    expect(openFilesMax(TABLE)).toBe(4096);
    expect(openFilesMax(TABLE.replace("4096     ", "unlimited"))).toBe(Number.POSITIVE_INFINITY);
  });

  test("is guessed where there is no table", () => {
    expect(openFilesMax(undefined)).toBe(1024);
    expect(openFilesMax("something else")).toBe(1024);
  });

  test.skipIf(process.platform !== "linux")("is read from the running system", async () => {
    const bytes = await nodeFiles.readRange("/proc/self/limits", 0, 8192);
    expect(decodeUtf8(bytes!)).toMatch(/^Max open files +(\d+|unlimited) /m);
  });
});

describe("connections", () => {
  const wanted = { mqtt: 20_000, http: 2048 };

  test("stay as wanted where files suffice", () => {
    expect(connectionBudget(20_000 + 2048 + 128, wanted)).toEqual(wanted);
    expect(connectionBudget(Number.POSITIVE_INFINITY, wanted)).toEqual(wanted);
  });

  test("share what is left beside the disk's reserve", () => {
    expect(connectionBudget(1024, wanted)).toEqual({ mqtt: 672, http: 224 });
    expect(connectionBudget(1024, { ...wanted, mqtt: 100 })).toEqual({ mqtt: 100, http: 796 });
  });

  test.each([0, 64, 129, 200, 1024, 4096, 22_000])("never need more than %i files", (files) => {
    const { mqtt, http } = connectionBudget(files, wanted);
    expect(Math.min(mqtt, http)).toBeGreaterThanOrEqual(1);
    expect(mqtt + http).toBeLessThanOrEqual(Math.max(2, files - 128));
  });
});
