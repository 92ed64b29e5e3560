/**
 * One of `[[boards.faults]]`: its shape, what must hold between its fields, and the plan that it becomes.
 */
import { z } from "zod";
import { isName } from "../../ledger/name.ts";
import { FAULT_KINDS, type FaultKind, type FaultPlan } from "../faults/fault-plan.ts";
import { quoted, rule, whole, within } from "./expectation.ts";

/** When a fault is there. */
interface WindowEntry {
  readonly afterSeconds?: number;
  readonly forSeconds?: number;
  readonly everySeconds?: number;
}

/** A fault as a scenario holds it. */
export type FaultEntry = WindowEntry &
  (
    | { readonly kind: "bit-flips" | "split" | "merge"; readonly share: number }
    | { readonly kind: "garbage"; readonly share: number; readonly bytesMax?: number }
    | { readonly kind: "stall" | "unplug" | "reboot" }
    | { readonly kind: "stuck"; readonly quantity?: string }
  );

const BYTES_MAX = 16;

const seconds = rule<number>(within(0, 31_622_400), "seconds, such as 30");
const share = rule<number>(within(0, 1), "a number of 0 to 1, such as 0.01");
const quantity = rule<string>(isName, 'the name of a quantity, such as "pm25"');
const bytesMax = rule<number>(whole(1, 1024), "a count of 1 to 1024, such as 16");

/** The fields of each kind, besides those of its window. */
const FIELDS: Readonly<Record<FaultKind, z.ZodRawShape>> = {
  "bit-flips": { share },
  split: { share },
  merge: { share },
  garbage: { share, bytesMax: bytesMax.exactOptional() },
  stall: {},
  stuck: { quantity: quantity.exactOptional() },
  unplug: {},
  reboot: {},
};

const WINDOW = {
  afterSeconds: seconds.exactOptional(),
  forSeconds: seconds.exactOptional(),
  everySeconds: seconds.exactOptional(),
};

const tables = FAULT_KINDS.map((kind) =>
  z.strictObject({ kind: z.literal(kind), ...FIELDS[kind], ...WINDOW }),
);

/** A fault of a scenario. */
export const faultSchema: z.ZodType<FaultEntry> = z.discriminatedUnion(
  "kind",
  tables as [(typeof tables)[number]],
  { error: `one of ${quoted(FAULT_KINDS)}` },
) as unknown as z.ZodType<FaultEntry>;

/** The names of all fields of faults. */
export const FAULT_FIELDS: readonly string[] = tables.flatMap(({ shape }) => Object.keys(shape));

/** Which faults happen at once, so that they need no end to come again. */
const MOMENTARY: readonly unknown[] = ["reboot"] satisfies FaultKind[];
/** What can befall a camera, whose line is a network. */
const OF_CAMERAS: readonly unknown[] = ["stall", "unplug", "reboot"] satisfies FaultKind[];

/** Gives a sentence for each rule that a fault breaks, whatever its shape. `isCamera` says whose it is. */
export function faultEntryFaults(
  fault: Readonly<Record<string, unknown>>,
  isCamera: boolean,
): string[] {
  return [...windowFaults(fault), ...ownerFaults(fault["kind"], isCamera)];
}

function windowFaults({
  kind,
  forSeconds,
  everySeconds,
}: Readonly<Record<string, unknown>>): string[] {
  if (typeof everySeconds !== "number") return [];
  if (forSeconds === undefined && MOMENTARY.includes(kind)) return [];
  return typeof forSeconds === "number" && forSeconds < everySeconds
    ? []
    : [".everySeconds: expected forSeconds beside it, and shorter"];
}

function ownerFaults(kind: unknown, isCamera: boolean): string[] {
  if (typeof kind !== "string" || !isCamera || OF_CAMERAS.includes(kind)) return [];
  if (!FAULT_KINDS.some((known) => known === kind)) return [];
  return [`.kind: expected one of ${quoted(OF_CAMERAS as string[])} for a camera; not "${kind}"`];
}

/** Makes the plan of a fault whose shape was checked. */
export function faultPlanOf(entry: FaultEntry): FaultPlan {
  const { afterSeconds, forSeconds, everySeconds, ...fault } = entry;
  const window = {
    afterMs: (afterSeconds ?? 0) * 1000,
    ...(forSeconds === undefined ? {} : { forMs: forSeconds * 1000 }),
    ...(everySeconds === undefined ? {} : { everyMs: everySeconds * 1000 }),
  };
  switch (fault.kind) {
    case "garbage":
      return { ...window, ...fault, bytesMax: fault.bytesMax ?? BYTES_MAX };
    case "stuck":
      return fault.quantity === undefined
        ? { ...window, kind: "stuck" }
        : { ...window, kind: "stuck", quantity: fault.quantity };
    case "bit-flips":
    case "split":
    case "merge":
      return { ...window, kind: fault.kind, share: fault.share };
    case "stall":
    case "unplug":
    case "reboot":
      return { ...window, kind: fault.kind };
  }
}
