/**
 * Settings of a program: one zod schema, filled from its defaults, a TOML file, the environment and flags.
 *
 * A later source wins: defaults, file, environment, flags. A setting `mqtt.port` of a program with the prefix
 * `KERBSTONE_HUB` is `port` under `[mqtt]`, `KERBSTONE_HUB_MQTT_PORT` and `--mqtt-port`. All that is wrong is said at
 * once, since nobody likes to repair a file one error at a time.
 */
import { type TomlTable, TomlError, parse as parseToml } from "smol-toml";
import { z } from "zod";
import type { FlagSpec } from "./command-line.ts";
import { type Files, nodeFiles } from "./files.ts";
import {
  ConfigError,
  type ConfigFault,
  faultOf,
  findUnknown,
  isRecord,
  unknownKey,
} from "./config-fault.ts";
import { readGivenText } from "./given-file.ts";
import { flagName, formatPath, variableName } from "./config-name.ts";
import {
  type JsonSchema,
  alternatives,
  expectation,
  fromText,
  isTable,
  written,
} from "./setting.ts";
import { UserError } from "./user-error.ts";

/** Where settings come from. */
export interface ConfigSources<S extends z.ZodObject> {
  /** Names are in camelCase. `.meta({ description, examples, secret })` of a setting is used in messages. */
  readonly schema: S;
  /** Path of the TOML file; without one there is none. A file that is named must be there. */
  readonly file?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** As `parseFlags` gives them. Names that are no setting, such as `config`, are left to the caller. */
  readonly flags: Readonly<Record<string, boolean | string | readonly string[] | undefined>>;
  /**
   * The beginning of the program's own environment variables, without the underscore, such as `KERBSTONE_HUB`.
   *
   * Every variable that begins so must be a setting, so two programs do not share one prefix.
   */
  readonly prefix: string;
  /** Where the file is read, the machine's disk unless given. */
  readonly files?: Files;
}

/** A setting that the environment and flags can give. */
interface Leaf {
  readonly path: readonly string[];
  readonly schema: JsonSchema;
}

/** Puts the settings together and checks them. Rejects with a `ConfigError` that lists all faults. */
export async function loadConfig<S extends z.ZodObject>(
  sources: ConfigSources<S>,
): Promise<z.output<S>> {
  const schema = describe(sources.schema);
  const leaves = leavesOf(schema);
  const values = sources.file === undefined ? {} : await readTable(sources.file, sources.files);
  const faults: ConfigFault[] = [];
  findUnknown(values, schema, [], faults);
  const origins = new Map<string, string>();
  takeEnvironment(sources, leaves, values, origins, faults);
  takeFlags(sources, leaves, values, origins);
  const result = sources.schema.safeParse(values);
  if (result.success && faults.length === 0) return result.data;
  const paths = new Set(leaves.map(({ path }) => formatPath(path)));
  const context = { sources, schema, leaves: paths, values, origins };
  for (const issue of result.error?.issues ?? []) {
    if (issue.code === "unrecognized_keys") continue; // Found above, with the nearest name.
    faults.push(faultOf(issue, context));
  }
  throw new ConfigError(faults);
}

/** Makes the flags of a program's settings, for its `CommandSpec`. Tables in lists have none. */
export function settingFlags(schema: z.ZodObject): Record<string, FlagSpec> {
  const flags: Record<string, FlagSpec> = {};
  for (const { path, schema: setting } of leavesOf(describe(schema))) {
    const about = setting.description ?? expectation(setting);
    const preset = setting.default === undefined ? "" : ` (${written(setting.default)})`;
    const value = setting.type === "boolean" ? { value: "true|false" } : {};
    flags[flagName(path)] = { type: "text", about: about + preset, ...value };
  }
  return flags;
}

function describe(schema: z.ZodObject): JsonSchema {
  return z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as JsonSchema;
}

function leavesOf(schema: JsonSchema, path: readonly string[] = []): Leaf[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => {
    const here = [...path, name];
    if (isTable(inner)) return leavesOf(inner, here);
    const isPlain = [inner.items ?? inner].flatMap(alternatives).every((s) => s.type !== "object");
    return isPlain ? [{ path: here, schema: inner }] : [];
  });
}

async function readTable(path: string, files: Files = nodeFiles): Promise<TomlTable> {
  const text = await readGivenText(files, path, "configuration file");
  try {
    return parseToml(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [reason = ""] = error.message.replace(/^Invalid TOML document: /, "").split("\n");
    throw new UserError(
      `${path} is not valid TOML: line ${error.line}, column ${error.column}: ${reason}.`,
      { hint: error.codeblock.trimEnd(), cause: error },
    );
  }
}

function takeEnvironment(
  sources: Pick<ConfigSources<z.ZodObject>, "env" | "prefix">,
  leaves: readonly Leaf[],
  values: TomlTable,
  origins: Map<string, string>,
  faults: ConfigFault[],
): void {
  const known = new Map(leaves.map((leaf) => [variableName(sources.prefix, leaf.path), leaf]));
  for (const [name, text] of Object.entries(sources.env)) {
    if (!name.startsWith(`${sources.prefix}_`) || text === undefined) continue;
    const leaf = known.get(name);
    if (leaf === undefined) {
      faults.push(unknownKey(name, name, known));
      continue;
    }
    put(values, leaf.path, fromText(text, leaf.schema));
    origins.set(formatPath(leaf.path), name);
  }
}

function takeFlags(
  sources: Pick<ConfigSources<z.ZodObject>, "flags">,
  leaves: readonly Leaf[],
  values: TomlTable,
  origins: Map<string, string>,
): void {
  for (const { path, schema } of leaves) {
    const given = sources.flags[flagName(path)];
    // A switch or list that was not given must not hide what the file says.
    if (given === undefined || given === false) continue;
    if (typeof given === "object" && given.length === 0) continue;
    const value =
      typeof given === "string"
        ? fromText(given, schema)
        : given === true
          ? true
          : given.map((item) => fromText(item, schema.items ?? {}));
    put(values, path, value);
    origins.set(formatPath(path), `--${flagName(path)}`);
  }
}

/** Sets a value at a path, with tables on the way. */
function put(values: TomlTable, path: readonly string[], value: unknown): void {
  let table: Record<string, unknown> = values;
  for (const name of path.slice(0, -1)) {
    const inner = table[name];
    const next: Record<string, unknown> = isRecord(inner) ? inner : {};
    table[name] = next;
    table = next;
  }
  table[path.at(-1)!] = value;
}
