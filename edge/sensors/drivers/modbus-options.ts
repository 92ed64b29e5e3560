/**
 * What a configuration says of a Modbus line: which units there are, and what stands in which of their registers.
 *
 * docs/drivers.md, "Modbus", explains the fields.
 */

import { z } from "zod";
import { isName } from "../../../ledger/name.ts";
import { ownUnit, quantityFault } from "./own-quantity.ts";

/** What the registers of a value hold: whole numbers with and without sign, and IEEE 754. */
export const REGISTER_TYPES = ["u16", "i16", "u32", "i32", "f32"] as const;
export type RegisterType = (typeof REGISTER_TYPES)[number];

/** In which order the four bytes of a value come, A the most significant. One register is always AB. */
export const WORD_ORDERS = ["ABCD", "CDAB", "BADC", "DCBA"] as const;
export type WordOrder = (typeof WORD_ORDERS)[number];

/** A value in one register or two. */
export interface RegisterOptions {
  /** The address as it goes over the line, from 0: 40001 of many manuals is 0 here. */
  readonly register: number;
  /** `holding` is read with function 3, `input` with function 4. */
  readonly kind: "holding" | "input";
  readonly type: RegisterType;
  /** The unit's, unless given. */
  readonly wordOrder?: WordOrder;
  /** The reading is the number times `scale`, plus `offset`. */
  readonly scale: number;
  readonly offset: number;
  readonly quantity: string;
  /** SenML unit; only for quantities of one's own. */
  readonly unit?: string;
  /** The sensor's, unless given. */
  readonly stream?: string;
  /** Numbers, before `scale`, with which the unit says that it has no value. */
  readonly faultValues: readonly number[];
}

/** A unit on the line. */
export interface UnitOptions {
  /** Its address, 1 to 247. */
  readonly id: number;
  /** The line's, unless given. */
  readonly everySeconds?: number;
  readonly wordOrder: WordOrder;
  readonly registers: readonly RegisterOptions[];
}

/** The whole line. */
export interface ModbusOptions {
  readonly everySeconds: number;
  readonly timeoutMs: number;
  /** Silence before each question; the standard wants 3.5 characters, which is 4 ms at 9600 baud. */
  readonly gapMs: number;
  /** A unit that has left so many questions in a row unanswered is put aside. */
  readonly failuresMax: number;
  /** How often one that was put aside is asked whether it is back. */
  readonly quarantineSeconds: number;
  readonly units: readonly UnitOptions[];
}

const everySeconds = z.int().min(1).max(86_400);

const register = z
  .strictObject({
    register: z.int().min(0).max(0xffff),
    kind: z.enum(["holding", "input"]).default("holding"),
    type: z.enum(REGISTER_TYPES).default("u16"),
    wordOrder: z.enum(WORD_ORDERS).exactOptional(),
    scale: z
      .number()
      .refine((scale) => scale !== 0, { error: "a scale other than 0" })
      .default(1),
    offset: z.number().default(0),
    quantity: z.string().refine(isName, { error: "a name of a-z, 0-9 and -" }),
    unit: ownUnit.exactOptional(),
    stream: z.string().refine(isName, { error: "a name of a-z, 0-9 and -" }).exactOptional(),
    faultValues: z.array(z.number()).max(16).default([]),
  })
  .superRefine((given, context) => {
    const fault = quantityFault(given.quantity, given.unit);
    if (fault !== undefined) context.addIssue({ code: "custom", ...fault });
    if (given.register + registersOf(given.type) > 0x1_0000)
      context.addIssue({ code: "custom", path: ["register"], message: "it ends beyond 65535" });
  });

const unit = z.strictObject({
  id: z.int().min(1).max(247),
  everySeconds: everySeconds.exactOptional(),
  wordOrder: z.enum(WORD_ORDERS).default("ABCD"),
  registers: z.array(register).min(1).max(200),
});

/** The options of a Modbus line. */
export const modbusOptions: z.ZodType<ModbusOptions> = z
  .strictObject({
    everySeconds: everySeconds.default(10),
    timeoutMs: z.int().min(50).max(10_000).default(1000),
    gapMs: z.int().min(0).max(1000).default(5),
    failuresMax: z.int().min(1).max(100).default(5),
    quarantineSeconds: z.int().min(10).max(86_400).default(300),
    units: z.array(unit).min(1).max(247),
  })
  .refine(({ units }) => new Set(units.map(({ id }) => id)).size === units.length, {
    path: ["units"],
    error: "each unit once",
  })
  .refine(({ units }) => hasOneSourceEach(units), {
    path: ["units"],
    error: "each quantity once in a stream: give another stream to that of another unit",
  });

/** How many registers a value fills. */
export function registersOf(type: RegisterType): number {
  return type === "u16" || type === "i16" ? 1 : 2;
}

function hasOneSourceEach(
  units: readonly { registers: readonly { quantity: string; stream?: string }[] }[],
): boolean {
  const names = units.flatMap(({ registers }) =>
    registers.map(({ stream = "", quantity }) => `${stream}/${quantity}`),
  );
  return new Set(names).size === names.length;
}
