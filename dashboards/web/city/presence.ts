/**
 * Whether a device is there and can be believed: offline, late, faulty and silent are different things.
 *
 * Times are by the hub's clock, and "now" is when the hub last answered: what a page has not heard is no device's fault.
 */

import type { Device } from "../api/answer.ts";

/** One thing to say of a device. `present` stands alone. */
export type Presence = "present" | "offline" | "faulty" | "late" | "silent" | "revoked";

/** Intervals without a valid sample after which a device is late. */
const INTERVALS_MAX = 2;

/** What people read, and what it means. */
export const PRESENCE_WORDS: Readonly<
  Record<Presence, { readonly title: string; readonly meaning: string }>
> = {
  present: { title: "Measuring", meaning: "valid values come as often as announced" },
  offline: { title: "Offline", meaning: "not connected to the hub" },
  faulty: { title: "Faulty", meaning: "the newest value is flagged as a fault" },
  late: { title: "Late", meaning: "no valid value for two of its intervals" },
  silent: { title: "No values yet", meaning: "enrolled, and nothing has come from it" },
  revoked: { title: "Revoked", meaning: "its key is no longer valid" },
};

/** The order in which an operator wants to see them. */
const RANKS: Readonly<Record<Presence, number>> = {
  offline: 0,
  faulty: 1,
  late: 2,
  silent: 3,
  present: 4,
  revoked: 5,
};

/**
 * Says everything that holds of a device, the most urgent first; never an empty list.
 *
 * `nowMs` is the hub's clock. A device that is offline is not called late as well: it cannot be otherwise.
 */
export function presencesOf(device: Device, nowMs: number): readonly Presence[] {
  if (device.revoked) return ["revoked"];
  const found: Presence[] = [];
  if (device.online === false) found.push("offline");
  if (device.latest.some(({ fault }) => fault)) found.push("faulty");
  const newestMs = newestValidMs(device);
  const hasSpoken = newestMs !== undefined || device.latest.length > 0;
  if (!hasSpoken) found.push("silent");
  else if (device.online !== false && isLate(device, newestMs, nowMs)) found.push("late");
  return found.length === 0 ? ["present"] : found;
}

/** Gives the place of a device in a list that shows trouble first. */
export function troubleRank(presences: readonly Presence[]): number {
  return Math.min(...presences.map((presence) => RANKS[presence]));
}

/** Says whether somebody should look after a device of which these hold. */
export function isTrouble(presences: readonly Presence[]): boolean {
  return troubleRank(presences) <= RANKS.late;
}

/** When a device last gave a value that nobody flagged, or, of a device that shows no values, when it last signed. */
function newestValidMs({ latest, visibility, lastIat }: Device): number | undefined {
  const times = latest.filter(({ fault }) => !fault).map(({ timeMs }) => timeMs);
  if (visibility === "restricted" && lastIat !== null) times.push(lastIat * 1000);
  return times.length === 0 ? undefined : Math.max(...times);
}

function isLate(device: Device, newestMs: number | undefined, nowMs: number): boolean {
  if (device.everySeconds <= 0) return false;
  return newestMs === undefined || nowMs - newestMs > INTERVALS_MAX * device.everySeconds * 1000;
}
