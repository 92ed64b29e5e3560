/** Log lines: one JSON object each, with what was given. */
import { expect, test } from "vitest";
import { pinoLogger, withFields } from "../../platform/log.ts";

test("a line holds name, time, fields, message and the error's stack", () => {
  const lines: string[] = [];
  const logger = pinoLogger("hub", "info", { write: (line) => lines.push(line) });
  logger.debug({}, "not written");
  withFields(logger, { device: "kerb-0001" }).warn({ error: new Error("oops") }, "trouble");
  expect(lines).toHaveLength(1);
  const line = JSON.parse(lines[0]!) as Record<string, unknown>;
  expect(line).toMatchObject({ name: "hub", device: "kerb-0001", msg: "trouble" });
  expect(line["error"]).toMatchObject({ type: "Error", message: "oops" });
  expect(line["time"]).toMatch(/^\d{4}-\d\d-\d\dT/);
});
