/** The limit on open files, as the system tells it. */

import { describe, expect, test } from "vitest";
import { nodeFiles } from "../../platform/files.ts";
import { openFilesMax, parseOpenFilesMax } from "../../platform/open-files.ts";

const TABLE = `Limit                     Soft Limit           Hard Limit           Units
Max processes             31184                31184                processes
Max open files            4096                 524288               files
Max locked memory         8388608              8388608              bytes
`;

describe("the limit on open files", () => {
  test("is the soft one of the table", () => {
    expect(parseOpenFilesMax(TABLE)).toBe(4096);
    expect(parseOpenFilesMax(TABLE.replace("4096     ", "unlimited"))).toBe(
      Number.POSITIVE_INFINITY,
    );
  });

  test("is guessed where there is no table", () => {
    expect(parseOpenFilesMax(undefined)).toBe(1024);
    expect(parseOpenFilesMax("something else")).toBe(1024);
  });

  test.skipIf(process.platform !== "linux")("is read from the running system", async () => {
    expect(await openFilesMax(nodeFiles)).toBeGreaterThanOrEqual(16);
  });
});
