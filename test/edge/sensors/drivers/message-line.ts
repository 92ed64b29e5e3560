/** Messages for drivers of messages, as a line would hand them on, and what they make of them. */
import { encodeUtf8 } from "../../../../ledger/bytes.ts";
import type { Driver } from "../../../../edge/sensors/driver.ts";
import { DRIVERS } from "../../../../edge/sensors/drivers/drivers.ts";
import { formatMessage } from "../../../../edge/sensors/framers/message.ts";
import type { SensorReading } from "../../../../edge/sensors/reading.ts";

/** Makes a driver whose line has opened. */
export function openDriver(name: string, options: object = {}): Driver {
  const driver = DRIVERS.get(name)!.create(options, { notBeforeMs: 0 });
  driver.opened(0);
  return driver;
}

/** Lets a driver hear a message; a payload that is no text is sent as JSON. Gives its readings without their time. */
export function hear(
  driver: Driver,
  topic: string,
  payload: unknown,
  isRetained = false,
): Omit<SensorReading, "atMs">[] {
  const text = typeof payload === "string" ? payload : JSON.stringify(payload);
  const line = formatMessage(topic, encodeUtf8(text), isRetained)!;
  return driver
    .push(line, 5)
    .flatMap((event) => (event.kind === "readings" ? event.readings : []))
    .map(({ quantity, unit, value, fault }) => ({
      quantity,
      unit,
      value,
      ...(fault === undefined ? {} : { fault }),
    }));
}

/** The readings as `quantity value unit`, with `!` for a fault. */
export function said(readings: readonly Omit<SensorReading, "atMs">[]): string[] {
  return readings.map(
    ({ quantity, value, unit, fault }) =>
      `${quantity} ${value} ${unit}${fault === true ? "!" : ""}`,
  );
}
