/** Values and units as people write them. The exact value stays in the reading; this is for reading it quickly. */

import type { Value } from "../api/answer.ts";
import { QUANTITIES } from "../../../ledger/quantity.ts";

/** SenML units (RFC 8428, RFC 8798) that people write otherwise. */
const UNIT_WORDS: Readonly<Record<string, string>> = {
  "ug/m3": "µg/m³",
  Cel: "°C",
  "%RH": "%",
  count: "",
  "l/s": "L/s",
};

/** Decimals shown of a unit; two of all others. */
const DECIMALS: Readonly<Record<string, number>> = {
  "ug/m3": 1,
  Cel: 1,
  "%RH": 0,
  "%": 0,
  dB: 1,
  hPa: 1,
  ppm: 0,
  count: 0,
  W: 0,
};

/** A value and its unit, apart, so that they can be set apart. */
export interface ValueWords {
  readonly value: string;
  /** Empty where there is none. */
  readonly unit: string;
}

/** Rounds and groups a value for showing. */
export function formatValue(quantity: string, unit: string | null, value: Value): ValueWords {
  if (typeof value === "boolean") return { value: value ? "yes" : "no", unit: "" };
  if (typeof value === "string") return { value, unit: "" };
  const decimals = DECIMALS[unit ?? ""] ?? 2;
  return {
    value: new Intl.NumberFormat("en-GB", {
      minimumFractionDigits: Number.isInteger(value) ? 0 : Math.min(decimals, 1),
      maximumFractionDigits: decimals,
    }).format(value),
    unit: unitOf(quantity, unit ?? ""),
  };
}

function unitOf(quantity: string, unit: string): string {
  // SenML has no unit for A-weighted levels: the quantity's name says so.
  if (unit === "dB" && quantity.startsWith("la")) return "dB(A)";
  return UNIT_WORDS[unit] ?? unit;
}

/** What people call a quantity: its title, else its own name. */
export function quantityTitle(quantity: string): string {
  return QUANTITIES.get(quantity)?.title ?? quantity;
}
