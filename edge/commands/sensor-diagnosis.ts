/** What may be wrong with a sensor of a device: its settings, its port, and what the running agent says of it. */

import type { ProgramIo } from "../../platform/lifecycle.ts";
import { DRIVERS } from "../sensors/drivers/drivers.ts";
import type { ConnectTo } from "../sensors/lines/connect.ts";
import type { Connect } from "../sensors/lines/line.ts";
import { explainPortError } from "../sensors/lines/port-fault.ts";
import type { SensorConfig } from "../settings/config.ts";
import { lineAddressOf } from "../settings/lan.ts";
import type { FoundStatus } from "../status/status-socket.ts";
import type { Finding } from "./diagnosis.ts";

const LIMIT_MS = 10_000;

/**
 * Looks at the sensor `at` of all that a device has: opens its port and closes it again, or takes the word of the agent where
 * that runs.
 */
export async function checkSensor(
  io: ProgramIo,
  connect: ConnectTo,
  all: readonly SensorConfig[],
  sensor: SensorConfig,
  at: number,
  status: FoundStatus | undefined,
): Promise<Finding> {
  const kind = DRIVERS.get(sensor.driver)!;
  const subject = `sensor ${at + 1}`;
  const options = kind.options.safeParse(sensor.options);
  if (!options.success) {
    const text = options.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
    return { subject, level: "wrong", text: `its options do not fit: ${text.join("; ")}` };
  }
  const address = lineAddressOf(kind, sensor.address);
  const isWire = address.kind === "serial" || address.kind === "tcp";
  if (isWire && all.findIndex((other) => other.address === sensor.address) < at)
    return {
      subject,
      level: "wrong",
      text: `${sensor.address} is named twice`,
      remedy: "Give each sensor its own port, by /dev/serial/by-id, or by-path for two alike.",
    };
  if (status?.isLive === true) return judgeRunning(subject, status.status.sensors[at]);
  if (status?.unheard !== undefined)
    return { subject, level: "unsure", text: "not tried, the agent may be reading it" };
  const fault = await openOnce(io, () => connect(address, io), sensor.address);
  if (fault) return { subject, level: "wrong", ...fault };
  const isNumbered = /^(serial:)?\/dev\/tty(USB|ACM)\d/.test(sensor.address);
  return {
    subject,
    level: isNumbered ? "unsure" : "ok",
    text: `${sensor.address} can be ${isWire ? "opened" : "heard"}`,
    ...(isNumbered
      ? { remedy: "This name may change with the order of plugging in: use /dev/serial/by-id/…" }
      : {}),
  };
}

function judgeRunning(
  subject: string,
  sensor: FoundStatus["status"]["sensors"][number] | undefined,
): Finding {
  if (sensor === undefined)
    return { subject, level: "unsure", text: "is new in the settings: restart the agent" };
  const { state, address, quantities, lineFault, warmUpLeftMs, parts = [] } = sensor;
  const failing = parts.filter((part) => part.state !== "ok").map(({ name }) => name);
  if (state === "ok" && failing.length > 0) {
    const text = `${address} is read, but not ${failing.join(", ")}`;
    return { subject, level: "unsure", text, remedy: "See docs/drivers.md, about its driver." };
  }
  if (state === "ok") return { subject, level: "ok", text: `${address} is read` };
  if (warmUpLeftMs !== undefined) {
    const seconds = Math.ceil(warmUpLeftMs / 1000);
    const text = `${address} is read, and warms up: its values are flagged for ${seconds} s more`;
    return { subject, level: "ok", text };
  }
  if (state === "offline" && lineFault !== undefined)
    return { subject, level: "wrong", ...lineFault };
  const text = `${address} is ${state}${quantities.length > 0 ? `: ${quantities.join(", ")}` : ""}`;
  const remedy =
    'See docs/edge.md, "How a sensor is"; with the agent stopped, edge test-sensor listens to it.';
  return { subject, level: "wrong", text, remedy };
}

/** Opens a port and closes it again; gives what is wrong. */
async function openOnce(
  io: ProgramIo,
  connectLine: () => Connect,
  text: string,
): Promise<{ text: string; remedy: string } | undefined> {
  const limit = new AbortController();
  const cancel = io.clock.after(LIMIT_MS, () => {
    limit.abort(new Error(`did not open within ${LIMIT_MS} ms`));
  });
  try {
    const connect = connectLine();
    const events = { bytes: () => undefined, closed: () => undefined };
    const connection = await connect(events, AbortSignal.any([io.signal, limit.signal]));
    await connection.close();
    return undefined;
  } catch (error) {
    return explainPortError(text, error);
  } finally {
    cancel();
  }
}
