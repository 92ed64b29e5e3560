/** What doctor says of a sensor that a running agent reads. */

import { expect, test } from "vitest";
import { checkSensor } from "../../../edge/commands/sensor-diagnosis.ts";
import type { SensorStatus } from "../../../edge/sensors/sensor.ts";
import type { FoundStatus } from "../../../edge/status/status-socket.ts";
import type { ProgramIo } from "../../../platform/lifecycle.ts";

const SENSOR = { stream: "air", driver: "sds011", address: "/dev/ttyUSB0", options: {} };
const FAULTY = { address: SENSOR.address, state: "faulty", quantities: ["pm25"] };

test.each<[string, object, string, RegExp]>([
  ["well", { state: "ok", quantities: [] }, "ok", /is read$/],
  ["faulty", {}, "wrong", /is faulty: pm25/],
  ["warming up", { warmUpLeftMs: 11_200 }, "ok", /is read, and warms up: .* 12 s more/],
])("one that is %s", async (_, changes, level, text) => {
  const status = {
    isLive: true,
    status: { sensors: [{ ...FAULTY, ...changes } as unknown as SensorStatus] },
  } as unknown as FoundStatus;
  const connect = (): never => {
    throw new Error("a port that the agent has was opened");
  };
  const sensor = SENSOR as Parameters<typeof checkSensor>[3];
  const found = await checkSensor({} as ProgramIo, connect, [sensor], sensor, 0, status);
  expect(found).toMatchObject({ level });
  expect(found.text).toMatch(text);
});
