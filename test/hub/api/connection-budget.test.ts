/** How many connections fit into a process's files. */

import { describe, expect, test } from "vitest";
import { connectionBudget } from "../../../hub/api/connection-budget.ts";

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
