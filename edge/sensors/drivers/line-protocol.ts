/**
 * Home-made boards that print lines of text. See docs/line-protocol.md.
 *
 * Only quantities that are known, or that the configuration adds, are taken: a mistyped or damaged name must not make a
 * new series. A board that names a unit has to name the right one.
 */

import { z } from "zod";
import { QUANTITIES } from "../../../ledger/quantity.ts";
import { type DriverKind, driverKind, listeningDriver } from "../driver.ts";
import { SILENCE_MS } from "../framers/framer.ts";
import { type LineItem, lineProtocolFramer } from "../framers/line-protocol.ts";
import { knownReading, type SensorReading } from "../reading.ts";
import { ownQuantity, ownUnit } from "./own-quantity.ts";

interface Options {
  readonly checksum: "required" | "optional";
  /** SenML units of quantities that only this board knows, by name; empty for bare numbers and booleans. */
  readonly quantities: Readonly<Record<string, string>>;
  readonly silenceMs: number;
}

/** Home-made boards, as the registry lists them. */
export const lineProtocol: DriverKind = driverKind<Options>({
  name: "line-protocol",
  title: "Home-made board that prints lines of text",
  baudRate: 9600,
  options: z.strictObject({
    checksum: z.enum(["optional", "required"]).default("optional"),
    quantities: z.record(ownQuantity, ownUnit).default({}),
    silenceMs: z.int().min(50).max(600_000).default(SILENCE_MS),
  }),
  create: ({ checksum, quantities, silenceMs }) => {
    const own = new Map(Object.entries(quantities));
    const unitOf = (quantity: string): string | undefined =>
      QUANTITIES.get(quantity)?.unit ?? own.get(quantity);
    const isWelcome = ({ quantity, unit, value }: LineItem): boolean => {
      const expected = unitOf(quantity);
      if (expected === undefined || (unit !== undefined && unit !== expected)) return false;
      return typeof value === "number" || !QUANTITIES.has(quantity);
    };
    const readingOf = ({ quantity, value, fault }: LineItem, atMs: number): SensorReading => {
      if (typeof value === "number" && QUANTITIES.has(quantity))
        return knownReading(quantity, value, atMs, fault);
      const unit = typeof value === "number" ? (own.get(quantity) ?? "") : "";
      return { quantity, unit, value, atMs, ...(fault ? { fault } : {}) };
    };
    return listeningDriver(lineProtocolFramer({ checksum, silenceMs, isWelcome }), (framed) => [
      { kind: "readings", readings: framed.frame.map((item) => readingOf(item, framed.atMs)) },
    ]);
  },
});
