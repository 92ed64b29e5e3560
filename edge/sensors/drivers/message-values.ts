/**
 * Which part of which message is which quantity, as a configuration says it: the `values` of docs/drivers.md, "Sensors on
 * the LAN".
 */

import { z } from "zod";
import { isName } from "../../../ledger/name.ts";
import type { Message } from "../framers/message.ts";
import { isTopicFilter, matchesTopic } from "../topic-filter.ts";
import { type JsonPointer, parsePointer, resolvePointer } from "./json-pointer.ts";
import { ownUnit, quantityFault } from "./own-quantity.ts";

/** A quantity, and where it stands in messages. */
export interface ValueOptions {
  readonly quantity: string;
  /** JSON Pointer into the payload. */
  readonly path: string;
  /** Only in messages of these topics; in all that come, unless given. */
  readonly topic?: string;
  /** The reading is the number times `scale`, plus `offset`. */
  readonly scale: number;
  readonly offset: number;
  /** Numbers, before `scale`, with which the board says that it has no value. */
  readonly faultValues: readonly number[];
  /** SenML unit; only for quantities of one's own. */
  readonly unit?: string;
}

/** A value that a message holds, as it stands there. */
export interface FoundValue {
  readonly quantity: string;
  readonly value: unknown;
  /** Who says it: two sources of one quantity are two sensors. */
  readonly source: string;
  readonly unit?: string;
  readonly scale?: number;
  readonly offset?: number;
  readonly faultValues?: readonly number[];
  /** Digits behind the point that are left after scaling; as many as the arithmetic gives, unless said. */
  readonly decimals?: number;
}

const value = z
  .strictObject({
    quantity: z.string().refine(isName, { error: "a name of a-z, 0-9 and -" }),
    path: z.string().refine((text) => parsePointer(text) !== undefined, {
      error: 'a JSON Pointer, such as "/temperature"; "" is the whole payload',
    }),
    topic: z
      .string()
      .refine(isTopicFilter, { error: "an MQTT topic filter, such as garden/+/air" })
      .exactOptional(),
    scale: z
      .number()
      .refine((scale) => scale !== 0, { error: "a scale other than 0" })
      .default(1),
    offset: z.number().default(0),
    faultValues: z.array(z.number()).max(16).default([]),
    unit: ownUnit.exactOptional(),
  })
  .superRefine(({ quantity, unit }, context) => {
    const fault = quantityFault(quantity, unit);
    if (fault !== undefined) context.addIssue({ code: "custom", ...fault });
  });

/** The list of them. */
export const valueOptions: z.ZodType<readonly ValueOptions[]> = z
  .array(value, { error: 'a list, such as [{ quantity = "temp", path = "/temperature" }]' })
  .max(64)
  .refine((values) => new Set(values.map(({ quantity }) => quantity)).size === values.length, {
    error: "each quantity once: a second one is another sensor, with a stream of its own",
  });

/** Finds what the `values` of a configuration name. Pointers are parsed once. */
export class ValueFinder {
  /** The quantities that are looked for. */
  readonly quantities: ReadonlySet<string>;
  private readonly values: readonly (readonly [ValueOptions, JsonPointer])[];

  constructor(values: readonly ValueOptions[]) {
    this.quantities = new Set(values.map(({ quantity }) => quantity));
    this.values = values.map((each) => [each, parsePointer(each.path) ?? []]);
  }

  /** Gives the values of a message that are there. */
  find({ topic, payload }: Message): FoundValue[] {
    return this.values.flatMap(([options, pointer]) => {
      const { path, topic: filter, ...about } = options;
      if (filter !== undefined && !matchesTopic(filter, topic)) return [];
      const found = resolvePointer(payload, pointer);
      return found === undefined ? [] : [{ ...about, value: found, source: `${topic}#${path}` }];
    });
  }
}
