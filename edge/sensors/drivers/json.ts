/**
 * Any board that says JSON: messages of a broker, pushes, or a line of JSON each on a serial port or over TCP.
 *
 * Nothing is guessed: the configuration says which part of which message is which quantity.
 */

import { z } from "zod";
import { type DriverKind, driverKind } from "../driver.ts";
import { MessageDriver } from "./message-driver.ts";
import { type ValueOptions, valueOptions } from "./message-values.ts";

interface Options {
  readonly values: readonly ValueOptions[];
}

/** Boards that say JSON, as the registry lists them. */
export const json: DriverKind = driverKind<Options>({
  name: "json",
  title: "Board that says JSON",
  baudRate: 115_200,
  lines: ["mqtt", "push", "serial", "tcp"],
  silentMs: 300_000,
  options: z.strictObject({
    values: valueOptions.refine((values) => values.length > 0, {
      error: 'one value at least, such as { quantity = "temp", path = "/temperature" }',
    }),
  }),
  create: ({ values }) => new MessageDriver(() => ({ kind: "values", values: [] }), values),
});
