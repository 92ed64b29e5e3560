/**
 * Commands behind a common word, such as `kerbstone edge`: which of them is meant, and a help text with a line for each.
 *
 * What a command takes is its own affair (command-line.ts).
 */
import type { ProgramIo } from "./lifecycle.ts";
import { nearestName } from "./near-name.ts";
import { UserError } from "./user-error.ts";

/** One command. */
export interface GroupedCommand {
  /** What it does, for the help text: a short clause without a full stop. */
  readonly about: string;
  /** Runs it with what follows its name, and gives the exit code. */
  readonly run: (io: ProgramIo, argv: readonly string[]) => Promise<number>;
}

/** Commands that are used at the same occasion. */
export interface CommandSection {
  /** The occasion; without one the commands stand at the top. */
  readonly title?: string;
  readonly commands: Readonly<Record<string, GroupedCommand>>;
}

/** See the head of the file. */
export interface CommandGroup {
  /** The words before a command's name, such as `kerbstone edge`. */
  readonly name: string;
  /** One sentence or more. */
  readonly about: string;
  /** In the order in which they are used. */
  readonly sections: readonly CommandSection[];
}

/**
 * Runs the command that `argv` begins with.
 *
 * Prints the help where it is asked for, and also where no command is named, then with exit code 2. Throws a `UserError`
 * with the nearest name for a command that is not there.
 */
export async function runGroup(
  io: ProgramIo,
  argv: readonly string[],
  group: CommandGroup,
): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === "--help" || name === "-h") {
    io.stdout.write(formatGroupHelp(group));
    return name === undefined ? 2 : 0;
  }
  const commands = commandsOf(group);
  const command = commands.get(name);
  if (command !== undefined) return command.run(io, rest);
  if (name === "help") return helpOf(io, rest, group);
  const names = [...commands.keys()];
  const near = nearestName(name, names);
  const words = group.name.replace(/^kerbstone ?/, "");
  throw new UserError(`There is no command ${words === "" ? name : `${words} ${name}`}.`, {
    hint:
      near === undefined ? `Known are ${names.join(", ")}.` : `Did you mean ${group.name} ${near}?`,
  });
}

/** `help init` is `init --help`, and `help` alone that of the group. */
function helpOf(io: ProgramIo, argv: readonly string[], group: CommandGroup): Promise<number> {
  return runGroup(io, [...argv, "--help"], group);
}

function commandsOf({ sections }: CommandGroup): Map<string, GroupedCommand> {
  return new Map(sections.flatMap(({ commands }) => Object.entries(commands)));
}

/** Writes the help text of a group: usage, about, and one line a command. Ends with a line break. */
export function formatGroupHelp(group: CommandGroup): string {
  const width = Math.max(...[...commandsOf(group).keys()].map((name) => name.length));
  const sections = group.sections.map(({ title, commands }) => {
    const lines = Object.entries(commands).map(
      ([name, { about }]) => `  ${name.padEnd(width)}  ${about}\n`,
    );
    return `${title === undefined ? "" : `${title}:\n`}${lines.join("")}`;
  });
  return (
    `Usage: ${group.name} <command> [options]\n\n${group.about}\n\n` +
    `${sections.join("\n")}\n${group.name} <command> --help says more.\n`
  );
}
