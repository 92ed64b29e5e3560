/** Holds answers against the OpenAPI document that the hub serves, and against nothing else. */

import { z } from "zod";
import { expect } from "vitest";
import type { ApiHub, HttpAnswer } from "./api-hub.ts";

type Json = Readonly<Record<string, unknown>>;

interface Operation {
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, { readonly schema?: Json }>> }>
  >;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required: boolean;
  }[];
}

/** See the head of the file. */
export class ApiDocument {
  readonly paths: Readonly<Record<string, { readonly get: Operation }>>;
  readonly #schemas: Json;

  private constructor(document: Json) {
    this.paths = document["paths"] as ApiDocument["paths"];
    this.#schemas = (document["components"] as { schemas: Json }).schemas;
  }

  static async of(hub: ApiHub): Promise<ApiDocument> {
    return new ApiDocument(await hub.json("/openapi.json"));
  }

  /** Asks, expects an answer that is as described, and gives what it holds. */
  async ask(hub: ApiHub, template: string, query = "", values: Json = {}): Promise<HttpAnswer> {
    const path = template.replaceAll(/\{(\w+)\}/g, (_all, name: string) => String(values[name]));
    const answer = await hub.get(`${path}${query}`);
    this.check(template, answer);
    return answer;
  }

  /** Expects that an answer of a path has a status, type and shape that the document describes. */
  check(template: string, answer: HttpAnswer): void {
    const described = this.paths[template]!.get.responses[String(answer.status)];
    expect(described, `${template} answers ${answer.status}: ${answer.text}`).toBeDefined();
    const type = answer.headers["content-type"]?.split(";")[0] ?? "";
    expect(Object.keys(described!.content)).toContain(type);
    const { schema } = described!.content[type]!;
    if (schema !== undefined) this.expectShape(schema, JSON.parse(answer.text));
  }

  /** Expects that a value has the shape of a schema of the document. */
  expectShape(schema: Json, value: unknown): void {
    const parsed = this.#parser(schema).safeParse(value);
    expect(parsed.error?.issues ?? [], JSON.stringify(value)).toEqual([]);
  }

  /** Whether a value has the shape of a named schema. */
  fits(name: string, value: unknown): boolean {
    return this.#parser(this.#schemas[name] as Json).safeParse(value).success;
  }

  /** The schema of the data of an event. */
  eventSchema(event: string): Json {
    const content = this.paths["/api/v1/events"]!.get.responses["200"]!.content;
    const { oneOf } = content["text/event-stream"]!.schema as {
      oneOf: { properties: { event: { const: string }; data: Json } }[];
    };
    const found = oneOf.find(({ properties }) => properties.event.const === event);
    if (found === undefined) throw new Error(`the document knows no event ${event}`);
    return found.properties.data;
  }

  #parser(schema: Json): z.ZodType {
    const whole = { ...schema, $defs: this.#schemas };
    const text = JSON.stringify(whole).replaceAll("#/components/schemas/", "#/$defs/");
    return z.fromJSONSchema(JSON.parse(text) as Parameters<typeof z.fromJSONSchema>[0]);
  }
}
