/**
 * One of `[[boards.faults]]`: its shape, and the plan that it becomes.
 *
 * What must hold between its fields, and between it and its board, is in fault-rules.ts.
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
    | { readonly kind: "bit-flips" | "split" | "merge" | "duplicate"; readonly share: number }
    | { readonly kind: "garbage"; readonly share: number; readonly bytesMax?: number }
    | { readonly kind: "stall" | "unplug" | "reboot" }
    | { readonly kind: "delay" | "clock-jump"; readonly seconds: number }
    | { readonly kind: "stuck"; readonly quantity?: string }
    | {
        readonly kind: "drift";
        readonly quantity: string;
        /** One of the two is there. */
        readonly perHour?: number;
        readonly factorPerHour?: number;
      }
    | { readonly kind: "brown-out"; readonly share?: number; readonly resets?: number }
  );

/** What goes without saying. */
const USUAL = { bytesMax: 16, sagSeconds: 2, sagShare: 0.2, resets: 1 };
const DELAY_SECONDS_MAX = 600;

const seconds = rule<number>(within(0, 31_622_400), "seconds, such as 30");
const share = rule<number>(within(0, 1), "a number of 0 to 1, such as 0.01");
const quantity = rule<string>(isName, 'the name of a quantity, such as "pm25"');
const bytesMax = rule<number>(whole(1, 1024), "a count of 1 to 1024, such as 16");
const resets = rule<number>(whole(1, 100), "a count of 1 to 100, such as 3");
const delay = rule<number>(
  within(0, DELAY_SECONDS_MAX),
  `seconds of 0 to ${DELAY_SECONDS_MAX}, such as 2`,
);
const jump = rule<number>(
  (value) => within(-4e9, 4e9)(value) && value !== 0,
  "seconds, back where negative, such as -3600",
);
const perHour = rule<number>(within(-1e9, 1e9), "what is added in an hour, such as 2.5");
const factorPerHour = rule<number>(
  within(0.01, 100),
  "by what it is multiplied in an hour, 0.01 to 100, such as 1.1",
);

/** The fields of each kind, besides those of its window. */
const FIELDS: Readonly<Record<FaultKind, z.ZodRawShape>> = {
  "bit-flips": { share },
  split: { share },
  merge: { share },
  duplicate: { share },
  garbage: { share, bytesMax: bytesMax.exactOptional() },
  stall: {},
  delay: { seconds: delay },
  unplug: {},
  stuck: { quantity: quantity.exactOptional() },
  drift: {
    quantity,
    perHour: perHour.exactOptional(),
    factorPerHour: factorPerHour.exactOptional(),
  },
  "clock-jump": { seconds: jump },
  reboot: {},
  "brown-out": { share: share.exactOptional(), resets: resets.exactOptional() },
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

/** Makes the plan of a fault whose shape and rules were checked. */
export function faultPlanOf(entry: FaultEntry): FaultPlan {
  const { afterSeconds, everySeconds } = entry;
  const forSeconds =
    entry.forSeconds ?? (entry.kind === "brown-out" ? USUAL.sagSeconds : undefined);
  const window = {
    afterMs: (afterSeconds ?? 0) * 1000,
    ...(forSeconds === undefined ? {} : { forMs: forSeconds * 1000 }),
    ...(everySeconds === undefined ? {} : { everyMs: everySeconds * 1000 }),
  };
  switch (entry.kind) {
    case "garbage": {
      const { kind, share, bytesMax = USUAL.bytesMax } = entry;
      return { ...window, kind, share, bytesMax };
    }
    case "stuck":
      return entry.quantity === undefined
        ? { ...window, kind: "stuck" }
        : { ...window, kind: "stuck", quantity: entry.quantity };
    case "drift": {
      const { kind, quantity, perHour = 0, factorPerHour } = entry;
      return factorPerHour === undefined
        ? { ...window, kind, quantity, perHour }
        : { ...window, kind, quantity, factorPerHour };
    }
    case "brown-out": {
      const { kind, share = USUAL.sagShare, resets = USUAL.resets } = entry;
      return { ...window, kind, share, resets };
    }
    case "delay":
    case "clock-jump":
      return { ...window, kind: entry.kind, ms: entry.seconds * 1000 };
    case "bit-flips":
    case "split":
    case "merge":
    case "duplicate":
      return { ...window, kind: entry.kind, share: entry.share };
    case "stall":
    case "unplug":
    case "reboot":
      return { ...window, kind: entry.kind };
  }
}
