/**
 * Command lines: flags and positionals by a spec, which is also the source of the help text.
 *
 * Reads `--name value`, `--name=value`, `-n value`, `--` before words that begin with a hyphen, and `--help`. What the
 * values mean is up to the caller; settings go on to config.ts as they are.
 */
import { parseArgs } from "node:util";
import { nearestName } from "./near-name.ts";
import { UserError } from "./user-error.ts";

/** One flag. */
export interface FlagSpec {
  /** `switch` takes no value; `text` takes one, the last one given wins; `list` may be given several times. */
  readonly type: "switch" | "text" | "list";
  /** What it does, for the help text: a short clause without a full stop. */
  readonly about: string;
  /** What the value stands for in the help text, such as `DIR`. */
  readonly value?: string;
  /** One letter for `-d`. */
  readonly short?: string;
  /** Begins a part of the help text, which lasts to the next flag that has one. */
  readonly heading?: string;
}

/** The words of a command that are no flags. */
export interface PositionalSpec {
  readonly min: number;
  readonly max: number;
  /** What the first one is, with an example, for whoever forgets it: a clause without a full stop. */
  readonly about: string;
}

/** What a command takes. */
export interface CommandSpec {
  /** How it is called, such as `kerbstone peer <url> [options]`. */
  readonly usage: string;
  /** One sentence or more. */
  readonly about: string;
  /** By their names in kebab-case, without hyphens in front. `help` is always there. */
  readonly flags: Readonly<Record<string, FlagSpec>>;
  /** The words besides flags; none unless given. */
  readonly positionals?: PositionalSpec;
}

type FlagValue<F extends FlagSpec> = F["type"] extends "switch"
  ? boolean
  : F["type"] extends "text"
    ? string | undefined
    : string[];

/** The flags by name; a switch not given is `false`, a list not given is empty. */
export type FlagValues<S extends CommandSpec> = {
  [Name in keyof S["flags"]]: FlagValue<S["flags"][Name]>;
};

/** A command line that was read. Where `help` is set nothing else was checked: print `formatHelp` and leave. */
export interface ParsedCommand<S extends CommandSpec> {
  readonly flags: FlagValues<S>;
  readonly positionals: string[];
  readonly help: boolean;
}

/** Reads a command line, without the program's name. Throws a `UserError` that names the flag and what is near it. */
export function parseFlags<const S extends CommandSpec>(
  argv: readonly string[],
  spec: S,
): ParsedCommand<S> {
  const { tokens } = parseArgs({
    args: [...argv],
    options: nodeOptions(spec),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const flags: Record<string, boolean | string | string[] | undefined> = {};
  for (const [name, { type }] of Object.entries(spec.flags)) {
    flags[name] = type === "switch" ? false : type === "list" ? [] : undefined;
  }
  const positionals: string[] = [];
  const result = { flags: flags as FlagValues<S>, positionals };
  const asksForHelp = tokens.some((token) => token.kind === "option" && token.name === "help");
  if (asksForHelp) return { ...result, help: true };
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind === "option") take(flags, spec, token);
  }
  checkPositionals(positionals, spec);
  return { ...result, help: false };
}

function nodeOptions(spec: CommandSpec): Record<string, NodeOption> {
  const options: Record<string, NodeOption> = { help: { type: "boolean", short: "h" } };
  for (const [name, { type, short }] of Object.entries(spec.flags)) {
    options[name] = {
      type: type === "switch" ? "boolean" : "string",
      multiple: true,
      ...(short === undefined ? {} : { short }),
    };
  }
  return options;
}

interface NodeOption {
  type: "boolean" | "string";
  short?: string;
  multiple?: boolean;
}

function take(
  flags: Record<string, boolean | string | string[] | undefined>,
  spec: CommandSpec,
  token: {
    name: string;
    rawName: string;
    value?: string | undefined;
    inlineValue?: boolean | undefined;
  },
): void {
  const { name, rawName, value } = token;
  const flag = Object.hasOwn(spec.flags, name) ? spec.flags[name] : undefined;
  if (flag === undefined) throw unknownFlag(rawName, name, spec);
  if (flag.type === "switch") {
    if (value !== undefined && value !== "true" && value !== "false") {
      throw new UserError(`${rawName} is a switch and takes no value, but was given "${value}".`);
    }
    flags[name] = value !== "false";
    return;
  }
  // Another flag where the value should stand is a forgotten value; one that begins so is given as --name=--value.
  const isForgotten = value === undefined || (value.startsWith("--") && token.inlineValue !== true);
  if (isForgotten) throw new UserError(`${rawName} needs a value: ${nameWithValue(name, flag)}.`);
  if (flag.type === "text") flags[name] = value;
  else (flags[name] as string[]).push(value);
}

function unknownFlag(rawName: string, name: string, spec: CommandSpec): UserError {
  const near = nearestName(name, [...Object.keys(spec.flags), "help"]);
  return new UserError(
    near === undefined
      ? `There is no flag ${rawName}.`
      : `There is no flag ${rawName}; did you mean --${near}?`,
    { hint: `Usage: ${spec.usage}` },
  );
}

function checkPositionals(positionals: readonly string[], spec: CommandSpec): void {
  const { min, max, about } = spec.positionals ?? { min: 0, max: 0, about: "" };
  const hint = `Usage: ${spec.usage}`;
  if (positionals.length > max) {
    throw new UserError(`"${positionals[max]!}" is one word too many.`, { hint });
  }
  if (positionals.length < min) {
    throw new UserError(`Something is missing: ${about}.`, { hint });
  }
}

/**
 * Reads the number that was given for a flag, or takes `preset`. Throws a `UserError` with the bounds for what is none, beyond
 * them, or missing without a preset.
 */
export function numberFlag(
  name: string,
  text: string | undefined,
  bounds: { readonly min: number; readonly max: number; readonly preset?: number | undefined },
): number {
  const { min, max, preset } = bounds;
  const value = text === undefined ? preset : text.trim() === "" ? NaN : Number(text);
  if (value !== undefined && value >= min && value <= max) return value;
  const said = text === undefined ? "" : `, not "${text}"`;
  throw new UserError(`--${name} needs a number from ${min} to ${max}${said}.`);
}

const HELP_FLAG: FlagSpec = { type: "switch", short: "h", about: "prints this and ends" };

/** Writes the help text: usage, about, and one line a flag, in parts where flags have headings. Ends with a line break. */
export function formatHelp(spec: CommandSpec): string {
  const flags = Object.entries({ ...spec.flags, help: HELP_FLAG });
  const names = flags.map(([name, flag]) => {
    const short = flag.short === undefined ? "    " : `-${flag.short}, `;
    return `  ${short}${nameWithValue(name, flag)}`;
  });
  const width = Math.min(32, Math.max(...names.map((name) => name.length)));
  const lines = flags.map(([, flag], i) => {
    const name = names[i]!;
    const gap = name.length > width ? `\n${" ".repeat(width)}` : " ".repeat(width - name.length);
    const above = i > 0 ? "\n" : "";
    const heading = flag.heading === undefined ? "" : `${above}${flag.heading}:\n`;
    return `${heading}${name}${gap}  ${flag.about}`;
  });
  return `Usage: ${spec.usage}\n\n${spec.about}\n\n${lines.join("\n")}\n`;
}

function nameWithValue(name: string, flag: FlagSpec): string {
  if (flag.type === "switch") return `--${name}`;
  return `--${name} ${flag.value ?? "VALUE"}${flag.type === "list" ? " …" : ""}`;
}
