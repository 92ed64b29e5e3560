/**
 * A route of the query API: one description, from which it is served and documented.
 *
 * What comes in is checked against the schemas before a route sees it. What goes out has the type of its schema; that it
 * has its shape too is what the tests hold against the document.
 */

import { z } from "zod";
import { parameterFaults } from "./parameter-faults.ts";
import { Problem } from "./problem.ts";

type Shape = Readonly<Record<string, z.ZodType>>;
type Input<S extends Shape> = { readonly [K in keyof S]: z.output<S[K]> };

/** What a route gives: JSON of a schema, or a file of a type. */
export type Reply =
  | { readonly kind: "json"; readonly schema: z.ZodType }
  | { readonly kind: "file"; readonly contentType: string; readonly about: string };

/** A route as it is served. */
export interface ApiRoute {
  /** Below `/api/v1`, parameters in braces: `/devices/{name}`. */
  readonly path: string;
  /** A short clause for the document. */
  readonly about: string;
  readonly params: Shape;
  readonly query: Shape;
  readonly reply: Reply;
  /** Whether entries that are not sealed yet have no answer. */
  readonly needsSeal: boolean;
  /** Answers texts as they came. Rejections are faults of the hub. */
  answer(params: Texts, query: Texts): Promise<unknown>;
}

/** Parameters as they stand in a URL. */
export type Texts = Readonly<Record<string, unknown>>;

/** What `defineRoute` takes. */
export interface RouteDefinition<P extends Shape, Q extends Shape, R> {
  readonly path: string;
  readonly about: string;
  readonly params?: P;
  readonly query?: Q;
  readonly reply: { kind: "json"; schema: z.ZodType<R> } | Extract<Reply, { kind: "file" }>;
  readonly needsSeal?: boolean;
  answer(params: Input<P>, query: Input<Q>): R | Problem | Promise<R | Problem>;
}

/** Makes a route of a definition. */
export function defineRoute<R, P extends Shape = {}, Q extends Shape = {}>(
  definition: RouteDefinition<P, Q, R>,
): ApiRoute {
  const { path, about, params = {} as P, query = {} as Q, reply, needsSeal = false } = definition;
  const readParams = reader(params);
  const readQuery = reader(query);
  return {
    path,
    about,
    params,
    query,
    reply,
    needsSeal,
    answer: async (paramTexts, queryTexts) => {
      const values = readParams(paramTexts);
      if (values instanceof Problem) return values;
      const asked = readQuery(queryTexts);
      if (asked instanceof Problem) return asked;
      return definition.answer(values as Input<P>, asked as Input<Q>);
    },
  };
}

/** Whole numbers, as URLs write them: decimal, without leading zeros. */
const WHOLE = /^(0|[1-9]\d{0,15})$/;

/** Makes a function that reads texts by a shape, or says everything that is wrong with them. */
function reader(shape: Shape): (texts: Texts) => Record<string, unknown> | Problem {
  const schema = z.strictObject(shape);
  const isNumber = new Set(
    Object.entries(shape).flatMap(([name, each]) =>
      z.toJSONSchema(each, { io: "input" }).type === "integer" ? [name] : [],
    ),
  );
  return (texts) => {
    const raw = Object.entries(texts).map(([name, text]): [string, unknown] => [
      name,
      isNumber.has(name) && typeof text === "string" && WHOLE.test(text) ? Number(text) : text,
    ]);
    const parsed = schema.safeParse(Object.fromEntries(raw));
    if (parsed.success) return parsed.data;
    return new Problem("bad-request", parameterFaults(shape, texts, parsed.error.issues));
  };
}
