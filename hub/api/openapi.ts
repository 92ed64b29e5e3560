/**
 * The OpenAPI document of the query API (OpenAPI 3.1), made of the very routes that are served.
 */

import { z } from "zod";
import { Problem, PROBLEM_JSON } from "./problem.ts";
import type { ProblemCode } from "./problem.ts";
import type { ApiRoute } from "./route.ts";
import {
  blockSchema,
  cosignedEventSchema,
  forkSchema,
  presenceEventSchema,
  problemSchema,
  readingEventSchema,
  refusedSchema,
} from "./schemas.ts";

/** Where the routes stand. */
export const API_PREFIX = "/api/v1";

type Json = Record<string, unknown>;

/** The events of `/events` and what their data are. */
export const EVENT_SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  reading: readingEventSchema,
  block: blockSchema,
  cosigned: cosignedEventSchema,
  presence: presenceEventSchema,
  refused: refusedSchema,
  fork: forkSchema,
};

/** Writes the document. */
export function openApiDocument(routes: readonly ApiRoute[]): Json {
  const schemas = new ComponentSchemas();
  const paths: Json = {};
  for (const route of routes) {
    paths[`${API_PREFIX}${route.path}`] = { get: operation(route, schemas) };
  }
  paths[`${API_PREFIX}/events`] = { get: eventsOperation(schemas) };
  return {
    openapi: "3.1.0",
    info: {
      title: "Kerbstone hub",
      version: "1",
      description:
        "What a hub says of its log. All of it is the hub's word, but for proofs, receipts and evidence files.",
    },
    paths,
    components: { schemas: schemas.all },
  };
}

/** Collects the schemas that have names, and refers to them. */
class ComponentSchemas {
  readonly all: Json = {};

  /** Gives the schema of a type, its named parts moved to the components. */
  of(schema: z.ZodType, io: "input" | "output" = "output"): Json {
    const { $schema: _dialect, $defs = {}, ...rest } = z.toJSONSchema(schema, { io }) as Json;
    for (const [name, definition] of Object.entries($defs as Json)) {
      this.all[name] = relocated(definition);
    }
    const { id, ...plain } = relocated(rest) as Json;
    if (typeof id !== "string") return plain;
    this.all[id] = plain;
    return { $ref: `#/components/schemas/${id}` };
  }
}

/** Points references to where the document keeps named schemas. */
function relocated(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(relocated);
  if (typeof schema !== "object" || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [
      key,
      key === "$ref" && typeof value === "string"
        ? value.replace("#/$defs/", "#/components/schemas/")
        : relocated(value),
    ]),
  );
}

function operation(route: ApiRoute, schemas: ComponentSchemas): Json {
  const { path, about, params, query, reply, needsSeal } = route;
  const hasInput = Object.keys(params).length + Object.keys(query).length > 0;
  const problems: ProblemCode[] = [
    ...(hasInput ? (["bad-request"] as const) : []),
    ...(Object.keys(params).length > 0 || path === "/series" ? (["not-found"] as const) : []),
    ...(needsSeal ? (["not-sealed"] as const) : []),
  ];
  const content =
    reply.kind === "json"
      ? { "application/json": { schema: schemas.of(reply.schema) } }
      : { [reply.contentType.split(";")[0]!]: {} };
  return {
    summary: about,
    parameters: [...parameters("path", params, schemas), ...parameters("query", query, schemas)],
    responses: {
      200: { description: reply.kind === "json" ? about : reply.about, content },
      ...Object.fromEntries(
        problems.map((code) => [statusOf(code), problemResponse(code, schemas)]),
      ),
    },
  };
}

function statusOf(code: ProblemCode): number {
  return new Problem(code, "").status;
}

function parameters(
  place: "path" | "query",
  shape: Readonly<Record<string, z.ZodType>>,
  schemas: ComponentSchemas,
): Json[] {
  return Object.entries(shape).map(([name, each]) => {
    const { description, ...schema } = schemas.of(each, "input");
    const isRequired = !each.safeParse(undefined).success;
    return {
      name,
      in: place,
      required: isRequired,
      ...(description === undefined ? {} : { description }),
      schema,
    };
  });
}

const PROBLEM_TEXTS: Readonly<Partial<Record<ProblemCode, string>>> = {
  "bad-request": "a parameter is not as described",
  "not-found": "there is no such thing",
  "not-sealed": "not sealed yet: Retry-After says when to ask again",
};

function problemResponse(code: ProblemCode, schemas: ComponentSchemas): Json {
  const headers =
    code === "not-sealed" ? { headers: { "Retry-After": { schema: { type: "integer" } } } } : {};
  return {
    description: PROBLEM_TEXTS[code],
    ...headers,
    content: { [PROBLEM_JSON]: { schema: schemas.of(problemSchema) } },
  };
}

function eventsOperation(schemas: ComponentSchemas): Json {
  const events = Object.entries(EVENT_SCHEMAS).map(([event, schema]) => ({
    type: "object",
    properties: { event: { const: event }, data: schemas.of(schema) },
  }));
  return {
    summary: "what happens, as it happens: server-sent events, with a JSON object as data",
    responses: {
      200: {
        description: "one event after another; a reader that is too slow is disconnected",
        content: { "text/event-stream": { schema: { oneOf: events } } },
      },
      503: problemResponse("busy", schemas),
    },
  };
}
