import { describe, expect, test } from "vitest";
import { parseTime } from "../../../firmware-sim/replay/time-column.ts";

const NOON = Date.UTC(2025, 2, 21, 12, 0, 0);

describe("parseTime", () => {
  test.each([
    ["2025-03-21 12:00:00", NOON],
    ["2025-03-21T12:00:00Z", NOON],
    ["2025-03-21T14:00:00+02:00", NOON],
    ["2025-03-21T06:30:00.250-0530", NOON + 250],
    ["2025-03-21 12:00", NOON],
    ["2025-03-21", NOON - 12 * 3_600_000],
    ["03/21/2025 12:00:00 PM", NOON],
    ["03/21/2025 12:00:00 AM", NOON - 12 * 3_600_000],
    ["03/21/2025 01:05 PM", NOON + 65 * 60_000],
    ["03/21/2025 13:05:00", NOON + 65 * 60_000],
    [" 1742558400", NOON],
    ["1742558400.5", NOON + 500],
    ["1742558400123", NOON + 123],
  ])("reads %s", (text, timeMs) => {
    expect(parseTime(text)).toBe(timeMs);
  });

  test.each([
    "",
    "noon",
    "4690",
    "2025-02-30 12:00:00",
    "2025-13-01",
    "2025-03-21 24:00:00",
    "03/21/2025 13:00:00 PM",
    "21/03/2025 12:00:00",
    "2025-03-21T12:00:00+99:00",
    "12:00:00",
  ])("does not read %j", (text) => {
    expect(parseTime(text)).toBeUndefined();
  });
});
