/**
 * What must hold between the fields of a fault, and between it and the board that it befalls.
 */
import { nearestName } from "../../platform/near-name.ts";
import { CAMERA } from "../boards/workshop.ts";
import { FAULT_KINDS, type FaultKind } from "../faults/fault-plan.ts";
import { quoted } from "./expectation.ts";

type Table = Readonly<Record<string, unknown>>;

/** Whom a fault befalls. */
export interface FaultOwner {
  /** The name of its board, whatever it is, or `firmware`; none for a capture. */
  readonly board: unknown;
  /** Whether it sends messages rather than the bytes of a line. */
  readonly sendsMessages: boolean;
  /** What is measured; `undefined` where that is not known. */
  readonly measured?: readonly string[];
}

/** Which faults have an end of their own, and after how many seconds at the latest. */
const LASTS: Readonly<Partial<Record<FaultKind, number>>> = { reboot: 5, "brown-out": 2 };
const CAMERA_BOOT_SECONDS = 30;
/** What can befall a camera, whose line is a network. */
const OF_CAMERAS: readonly FaultKind[] = ["stall", "unplug", "reboot"];
/** What can befall a board that sends messages: they come whole or not at all, and it has no supply and no clock of its own. */
const OF_MESSAGES: readonly FaultKind[] = [
  "bit-flips",
  "duplicate",
  "garbage",
  "stall",
  "delay",
  "unplug",
  "stuck",
  "drift",
];
/** What can only befall something with values, or with a processor. */
const OF_BOARDS: readonly FaultKind[] = ["stuck", "drift", "clock-jump", "reboot", "brown-out"];
/** Who has a clock that can be read. */
const CLOCKS: readonly unknown[] = ["nmea-gps", "p1-meter"];

/** Gives a sentence for each rule that a fault breaks, whatever its shape. */
export function faultRules(fault: Table, owner: FaultOwner): string[] {
  const kind = FAULT_KINDS.find((known) => known === fault["kind"]);
  if (kind === undefined) return [];
  return [
    ...windowFaults(fault, kind, owner),
    ...ownerFaults(kind, owner),
    ...quantityFaults(fault["quantity"], owner),
    ...driftFaults(fault, kind),
  ];
}

function windowFaults(
  { forSeconds, everySeconds }: Table,
  kind: FaultKind,
  { board }: FaultOwner,
): string[] {
  if (typeof everySeconds !== "number") return [];
  const lasts = board === CAMERA && kind === "reboot" ? CAMERA_BOOT_SECONDS : LASTS[kind];
  if (forSeconds === undefined && lasts !== undefined)
    return everySeconds > lasts
      ? []
      : [`.everySeconds: expected more than ${lasts}, since a ${kind} takes so long`];
  return typeof forSeconds === "number" && forSeconds < everySeconds
    ? []
    : [".everySeconds: expected forSeconds beside it, and shorter"];
}

function ownerFaults(kind: FaultKind, { board, sendsMessages }: FaultOwner): string[] {
  if (board === CAMERA && !OF_CAMERAS.includes(kind))
    return [`.kind: expected one of ${quoted(OF_CAMERAS)} for a camera; not "${kind}"`];
  if (sendsMessages && !OF_MESSAGES.includes(kind))
    return [
      `.kind: expected one of ${quoted(OF_MESSAGES)} for a board that sends messages; not "${kind}"`,
    ];
  if (board === undefined && OF_BOARDS.includes(kind))
    return [`.kind: "${kind}" needs a board, and this is a capture`];
  if (kind === "clock-jump" && typeof board === "string" && !CLOCKS.includes(board))
    return [`.kind: only ${CLOCKS.join(" and ")} have a clock, and this is ${board}`];
  return [];
}

function quantityFaults(quantity: unknown, { measured }: FaultOwner): string[] {
  if (typeof quantity !== "string" || measured === undefined || measured.includes(quantity))
    return [];
  const near = nearestName(quantity, measured);
  const hint = near === undefined ? measured.join(", ") : `did you mean ${near}?`;
  return [`.quantity: "${quantity}" is not measured; ${hint}`];
}

function driftFaults({ perHour, factorPerHour }: Table, kind: FaultKind): string[] {
  return kind === "drift" && (perHour === undefined) === (factorPerHour === undefined)
    ? [": expected perHour or factorPerHour, and not both"]
    : [];
}
