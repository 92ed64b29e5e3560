/**
 * One setting as its schema describes it: what it expects, in words, and what a text given for it means.
 *
 * Works on the JSON Schema that zod writes of itself, so that every schema of the project is described in the same
 * way without knowing zod's inside.
 */

/** The part of JSON Schema (draft 2020-12) that zod writes and that is read here. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly maxItems?: number;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly format?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly default?: unknown;
  readonly description?: string;
  readonly examples?: readonly unknown[];
  /** Set by `.meta({ secret: true })`: the value is never shown. */
  readonly secret?: boolean;
}

/** Gives the alternatives of a schema, itself where it has none. */
export function alternatives(schema: JsonSchema): readonly JsonSchema[] {
  return schema.anyOf ?? schema.oneOf ?? schema.allOf ?? [schema];
}

/** Says whether the schema is a table with settings of its own, as against a value. */
export function isTable(schema: JsonSchema): boolean {
  return schema.properties !== undefined;
}

/** Says in words what a value must be, such as `a whole number from 1 to 65535`. */
export function expectation(schema: JsonSchema): string {
  if (schema.const !== undefined) return written(schema.const);
  if (schema.enum !== undefined) {
    return schema.enum.length === 1
      ? written(schema.enum[0])
      : `one of ${schema.enum.map(written).join(", ")}`;
  }
  const options = alternatives(schema);
  if (options.length > 1) return [...new Set(options.map(expectation))].join(", or ");
  const types = typeof schema.type === "string" ? [schema.type] : (schema.type ?? []);
  return types.length === 0
    ? "a value"
    : types.map((type) => typeInWords(type, schema)).join(" or ");
}

function typeInWords(type: string, schema: JsonSchema): string {
  switch (type) {
    case "integer":
      return `a whole number${range(schema)}`;
    case "number":
      return `a number${range(schema)}`;
    case "boolean":
      return "true or false";
    case "string":
      return textInWords(schema);
    case "array":
      return listInWords(schema);
    case "object":
      return "a table";
    default:
      return type;
  }
}

function listInWords({ items, maxItems }: JsonSchema): string {
  if (items === undefined) return "a list";
  const most = maxItems === undefined ? "" : ` at most ${maxItems}`;
  return `a list of${most}: ${expectation(items)}`;
}

const FORMATS: Readonly<Record<string, string>> = {
  uri: "a URL",
  email: "an e-mail address",
  ipv4: "an IPv4 address",
  ipv6: "an IPv6 address",
  hostname: "a host name",
  hex: "hexadecimal digits",
  date: "a date",
  "date-time": "a time",
};

function textInWords(schema: JsonSchema): string {
  const format = schema.format === undefined ? undefined : FORMATS[schema.format];
  if (format !== undefined) return format;
  if (schema.pattern !== undefined) return `text of the form ${schema.pattern}`;
  if (schema.minLength === 1 && schema.maxLength === undefined) return "text that is not empty";
  const length = bounds(schema.minLength, schema.maxLength);
  return length === "" ? "text" : `text${length} characters`;
}

function range(schema: JsonSchema): string {
  const { exclusiveMinimum: floor, exclusiveMaximum: ceiling } = schema;
  const limits = [
    floor === undefined ? "" : ` above ${floor}`,
    ceiling === undefined ? "" : ` below ${ceiling}`,
    bounds(schema.minimum, schema.maximum),
  ];
  return limits.filter((limit) => limit !== "").join(" and");
}

function bounds(least: number | undefined, most: number | undefined): string {
  // zod notes the range of exact integers, which tells nobody anything.
  const low = least === undefined || least <= Number.MIN_SAFE_INTEGER ? undefined : least;
  const high = most === undefined || most >= Number.MAX_SAFE_INTEGER ? undefined : most;
  if (low !== undefined && high !== undefined) return ` from ${low} to ${high}`;
  if (low !== undefined) return ` of at least ${low}`;
  return high === undefined ? "" : ` of at most ${high}`;
}

/** Finds a value that would do: the schema's own example, its default, or the plainest of its type. */
export function exampleOf(schema: JsonSchema): unknown {
  if (schema.examples !== undefined && schema.examples.length > 0) return schema.examples[0];
  if (schema.default !== undefined) return schema.default;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  const [first] = alternatives(schema);
  if (first !== undefined && first !== schema) return exampleOf(first);
  const type = typeof schema.type === "string" ? schema.type : schema.type?.[0];
  if (type === "integer" || type === "number") {
    const { minimum, maximum } = schema;
    if (minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER) return minimum;
    return maximum !== undefined && maximum < 1 ? maximum : 1;
  }
  if (type === "boolean") return true;
  if (type === "array") return schema.items === undefined ? [] : [exampleOf(schema.items)];
  if (type !== "string") return undefined;
  if (schema.format === "uri") return "https://example.org/";
  return schema.pattern === undefined && schema.format === undefined ? "text" : undefined;
}

/** Writes a value as it stands in TOML; what TOML cannot say, as JSON. */
export function written(value: unknown): string {
  if (Array.isArray(value)) return listOf(value);
  if (value instanceof Date) return value.toISOString();
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value) ?? "something";
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

const WRITTEN_ITEMS_MAX = 4;

/** A list that is too long is not repeated whole. */
function listOf(values: readonly unknown[]): string {
  const more = values.length - WRITTEN_ITEMS_MAX;
  const shown = values.slice(0, WRITTEN_ITEMS_MAX).map(written);
  return `[${[...shown, ...(more > 0 ? [`and ${more} more`] : [])].join(", ")}]`;
}

/**
 * Reads a text from the environment or a flag as the schema wants it: a number, a truth value, a list with commas.
 *
 * A text that makes no sense as such is given back as it is, for the schema to refuse.
 */
export function fromText(text: string, schema: JsonSchema): unknown {
  for (const option of alternatives(schema)) {
    const types = typeof option.type === "string" ? [option.type] : (option.type ?? []);
    for (const type of types) {
      const value = asType(text, type, option);
      if (value !== undefined && allows(option, value)) return value;
    }
  }
  return text;
}

function asType(text: string, type: string, schema: JsonSchema): unknown {
  switch (type) {
    case "integer":
    case "number":
      return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined;
    case "boolean":
      return text === "true" ? true : text === "false" ? false : undefined;
    case "array": {
      const items = text === "" ? [] : text.split(",").map((item) => item.trim());
      const { items: itemSchema } = schema;
      return itemSchema === undefined ? items : items.map((item) => fromText(item, itemSchema));
    }
    case "string":
      return text;
    default:
      return undefined;
  }
}

/** Where several types are possible, a closed list of values decides which is meant. */
function allows(schema: JsonSchema, value: unknown): boolean {
  if (schema.const !== undefined) return schema.const === value;
  return schema.enum === undefined || schema.enum.includes(value);
}
