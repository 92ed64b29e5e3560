/** Sensors by theme: which values belong together, in which order devices stand, and which of them are looked for. */

import type { Device, Latest } from "../api/answer.ts";
import { NOTES, QUANTITIES } from "../../../ledger/quantity.ts";
import { presencesOf, troubleRank } from "./presence.ts";
import type { Presence } from "./presence.ts";

/** The themes in the order in which they are shown. */
export const THEMES = [
  "air",
  "noise",
  "traffic",
  "water",
  "parking",
  "gps",
  "energy",
  "node",
  "other",
] as const;

export type Theme = (typeof THEMES)[number];

export const THEME_TITLES: Readonly<Record<Theme, string>> = {
  air: "Air",
  noise: "Noise",
  traffic: "Traffic",
  water: "Water",
  parking: "Parking",
  gps: "Position",
  energy: "Energy",
  node: "Devices themselves",
  other: "Other",
};

/** A device with those of its values that belong to one theme. */
export interface ThemeRow {
  readonly device: Device;
  readonly presences: readonly Presence[];
  readonly values: readonly Latest[];
}

/** The devices of one theme. */
export interface ThemeGroup {
  readonly theme: Theme;
  readonly rows: readonly ThemeRow[];
}

/** How devices are ordered inside a theme. */
export type SensorOrder = "trouble" | "name" | "newest";

/** What is shown of all sensors. */
export interface SensorView {
  readonly order: SensorOrder;
  /** Words that a device, or a quantity of it, must have in its names. */
  readonly search: string;
  readonly theme: Theme | undefined;
}

/** Groups sensors by theme. `nowMs` is by the hub's clock. Themes without any device are left out. */
export function groupSensors(
  devices: Iterable<Device>,
  view: SensorView,
  nowMs: number,
): readonly ThemeGroup[] {
  const groups = new Map<Theme, ThemeRow[]>();
  for (const device of devices) {
    if (!isLookedFor(device, view.search)) continue;
    const presences = presencesOf(device, nowMs);
    for (const [theme, values] of valuesByTheme(device)) {
      if (view.theme !== undefined && view.theme !== theme) continue;
      const rows = groups.get(theme) ?? [];
      rows.push({ device, presences, values });
      groups.set(theme, rows);
    }
  }
  return THEMES.flatMap((theme) => {
    const rows = groups.get(theme);
    return rows === undefined ? [] : [{ theme, rows: rows.sort(COMPARISONS[view.order]) }];
  });
}

/** Counts the devices of each theme, and those of them that are in trouble. */
export function countThemes(devices: Iterable<Device>): ReadonlyMap<Theme, number> {
  const counts = new Map<Theme, number>();
  for (const device of devices) {
    for (const theme of valuesByTheme(device).keys())
      counts.set(theme, (counts.get(theme) ?? 0) + 1);
  }
  return counts;
}

/** The theme of a stream, else of a quantity: a thermometer in the river belongs to the water. */
export function themeOf(stream: string, quantity?: string): Theme {
  return (
    asTheme(stream) ??
    asTheme(stream.split("-", 1)[0] ?? "") ??
    asTheme(QUANTITIES.get(quantity ?? "")?.measurement ?? "") ??
    "other"
  );
}

function asTheme(name: string): Theme | undefined {
  return THEMES.find((theme) => theme === name);
}

function valuesByTheme(device: Device): ReadonlyMap<Theme, readonly Latest[]> {
  const themes = new Map<Theme, Latest[]>();
  for (const value of [...device.latest].sort(compareValues)) {
    if (NOTES.has(value.quantity)) continue;
    const theme = themeOf(value.stream, value.quantity);
    const values = themes.get(theme) ?? [];
    values.push(value);
    themes.set(theme, values);
  }
  if (themes.size === 0) themes.set(themeOf(device.streams[0] ?? ""), []);
  return themes;
}

const QUANTITY_ORDER = new Map([...QUANTITIES.keys()].map((name, i) => [name, i]));

function compareValues(a: Latest, b: Latest): number {
  const place = ({ quantity }: Latest): number => QUANTITY_ORDER.get(quantity) ?? QUANTITIES.size;
  return (
    compareNames(a.stream, b.stream) || place(a) - place(b) || compareNames(a.quantity, b.quantity)
  );
}

/** Names hold numbers: sensor 2 stands before sensor 10. */
const collator = new Intl.Collator("en", { numeric: true });

function compareNames(a: string, b: string): number {
  return collator.compare(a, b);
}

function newestMs({ values }: ThemeRow): number {
  return Math.max(Number.NEGATIVE_INFINITY, ...values.map(({ timeMs }) => timeMs));
}

function byName(a: ThemeRow, b: ThemeRow): number {
  return compareNames(a.device.name, b.device.name);
}

const COMPARISONS: Readonly<Record<SensorOrder, (a: ThemeRow, b: ThemeRow) => number>> = {
  name: byName,
  trouble: (a, b) => troubleRank(a.presences) - troubleRank(b.presences) || byName(a, b),
  // Two devices without values are equally old, and their difference is no number.
  newest: (a, b) => compareNumbers(newestMs(b), newestMs(a)) || byName(a, b),
};

function compareNumbers(a: number, b: number): number {
  return a === b ? 0 : a - b;
}

function isLookedFor(device: Device, search: string): boolean {
  const names = [
    device.name,
    device.model ?? "",
    device.owner ?? "",
    ...device.latest.flatMap(({ stream, quantity }) => [
      stream,
      quantity,
      QUANTITIES.get(quantity)?.title ?? "",
    ]),
  ];
  const text = names.join(" ").toLowerCase();
  const words = search.toLowerCase().split(/\s+/);
  return words.every((word) => text.includes(word));
}
