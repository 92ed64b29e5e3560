/**
 * What is wrong with settings, in the words of whoever gave them: the file, the environment or a flag.
 */
import type { z } from "zod";
import { type SettingPath, flagName, formatPath, variableName } from "./config-name.ts";
import { nearestName } from "./near-name.ts";
import { type JsonSchema, alternatives, exampleOf, expectation, written } from "./setting.ts";
import { UserError } from "./user-error.ts";

/** One thing that is wrong with the settings. */
export interface ConfigFault {
  /** As the user wrote it: `mqtt.port`, `KERBSTONE_HUB_MQTT_PORT` or `--mqtt-port`. */
  readonly name: string;
  /** What was expected, and what was found, as a clause. */
  readonly text: string;
  /** What would be right, written for the same source. */
  readonly example: string | undefined;
}

/** Says all that is wrong with the settings, a line each. */
export class ConfigError extends UserError {
  override readonly name: string = "ConfigError";
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    const lines = faults.map(({ name, text, example }) => {
      return `${name}: ${text}${example === undefined ? "" : `; for example ${example}`}`;
    });
    super(
      lines.length === 1
        ? `A setting is wrong: ${lines[0]!}`
        : `${lines.length} settings are wrong:\n${lines.map((line) => `  ${line}`).join("\n")}`,
    );
    this.faults = faults;
  }
}

/** Finds the keys that the schema does not have, at every depth. */
export function findUnknown(
  value: unknown,
  schema: JsonSchema,
  path: SettingPath,
  faults: ConfigFault[],
): void {
  if (Array.isArray(value)) {
    const itemSchema = schema.items;
    if (itemSchema === undefined) return;
    value.forEach((item, i) => findUnknown(item, itemSchema, [...path, i], faults));
    return;
  }
  if (!isRecord(value)) return;
  const options = alternatives(schema).filter((option) => option.type === "object");
  if (options.length === 0) return; // Not a table at all: the schema says so itself.
  const known = new Map(options.flatMap((option) => Object.entries(option.properties ?? {})));
  const others = options
    .map((option) => option.additionalProperties)
    .find((additional) => additional !== undefined && additional !== false);
  for (const [name, inner] of Object.entries(value)) {
    const innerSchema = known.get(name) ?? others;
    if (innerSchema === undefined)
      faults.push(unknownKey(formatPath([...path, name]), name, known));
    else if (typeof innerSchema === "object")
      findUnknown(inner, innerSchema, [...path, name], faults);
  }
}

/** Says that there is no such name, and what is near it. */
export function unknownKey(
  shown: string,
  name: string,
  known: ReadonlyMap<string, unknown>,
): ConfigFault {
  const near = nearestName(name, known.keys());
  const list = [...known.keys()].join(", ");
  const help = near === undefined ? `expected one of ${list}` : `did you mean ${near}?`;
  return { name: shown, text: `there is no such setting; ${help}`, example: undefined };
}

/** What is needed to name the source of a value. */
export interface FaultContext {
  readonly sources: { readonly file?: string | undefined; readonly prefix: string };
  readonly schema: JsonSchema;
  /** Texts of the paths that flags and the environment can give. */
  readonly leaves: ReadonlySet<string>;
  readonly values: unknown;
  /** Who gave the value at a path, by the path's text and under which name; what is not in here is the file's. */
  readonly origins: ReadonlyMap<string, string>;
}

/** Says what zod found, in the words of the source that gave the value. */
export function faultOf(issue: z.core.$ZodIssue, context: FaultContext): ConfigFault {
  const path = issue.path.map((key) => (typeof key === "symbol" ? String(key) : key));
  const shown = formatPath(path);
  const setting = settingAt(context.schema, path);
  const found = valueAt(context.values, path);
  const origin = originOf(path, context.origins);
  const isMissing = found === undefined;
  const name = origin ?? (shown === "" ? "the settings together" : shown);
  const expected = issue.code === "custom" ? issue.message : `expected ${expectation(setting)}`;
  const foundText = setting.secret === true ? "found something else" : `found ${written(found)}`;
  const text = isMissing ? `not set; ${expected}` : `${expected}, ${foundText}`;
  return { name, text, example: exampleFor(origin, path, setting, context, isMissing) };
}

/** Finds who gave a value, or the list that it stands in. */
function originOf(path: SettingPath, origins: ReadonlyMap<string, string>): string | undefined {
  const depths = path.map((_, i) => path.length - i);
  return depths.map((depth) => origins.get(formatPath(path.slice(0, depth)))).find(Boolean);
}

function exampleFor(
  origin: string | undefined,
  path: SettingPath,
  setting: JsonSchema,
  context: FaultContext,
  isMissing: boolean,
): string | undefined {
  const value = exampleOf(setting);
  if (value === undefined || path.length === 0) return undefined;
  const plain = inOneWord(value);
  if (origin?.startsWith("--") === true) return `${origin} ${plain}`;
  if (origin !== undefined) return `${origin}=${plain}`;
  const names = path.filter((key) => typeof key === "string");
  const inFile = `${formatPath(path)} = ${written(value)}`;
  if (!isMissing || !context.leaves.has(formatPath(path))) return inFile;
  const flag = `--${flagName(names)} ${plain}`;
  const place = context.sources.file === undefined ? "" : `${inFile} in ${context.sources.file}, `;
  return `${place}${flag}, or ${variableName(context.sources.prefix, names)}=${plain}`;
}

/** Writes a value as the environment and flags take it. */
function inOneWord(value: unknown): string {
  if (Array.isArray(value)) return value.map(inOneWord).join(",");
  return typeof value === "string" ? value : written(value);
}

function settingAt(schema: JsonSchema, path: SettingPath): JsonSchema {
  let found = schema;
  for (const key of path) {
    const options = alternatives(found);
    const next =
      typeof key === "number"
        ? options.map((option) => option.items)
        : options.map((option) => {
            const { additionalProperties: others } = option;
            return option.properties?.[key] ?? (typeof others === "object" ? others : undefined);
          });
    const inner = next.filter((option) => option !== undefined);
    found = inner.length === 1 ? inner[0]! : { anyOf: inner };
  }
  return found;
}

function valueAt(values: unknown, path: SettingPath): unknown {
  let found = values;
  for (const key of path) {
    if (typeof found !== "object" || found === null) return undefined;
    found = (found as Record<string | number, unknown>)[key];
  }
  return found;
}

/** Says whether a value is a table. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return !(value instanceof Date);
}
