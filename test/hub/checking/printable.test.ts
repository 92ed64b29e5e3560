import { expect, test } from "vitest";
import { printable, timeText } from "../../../hub/checking/printable.ts";

test("a stranger's text stays on its line and changes nothing around it", () => {
  expect(printable("a\n  cosigned by somebody\u001b[8m\u202e")).toBe(
    "a\\u000a  cosigned by somebody\\u001b[8m\\u202e",
  );
  expect(printable("12.3 µg/m³ – grün")).toBe("12.3 µg/m³ – grün");
});

test("times beyond the calendar are shown as they are", () => {
  expect(timeText(1_767_225_600_000)).toBe("2026-01-01T00:00:00.000Z");
  expect(timeText(2 ** 53 - 1)).toBe("9007199254740991 ms");
});
