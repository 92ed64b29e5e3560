/**
 * Programs that tests need and that a machine may lack, and what happens then.
 *
 * Without them the tests are left out, with the reason noted for the summary that `test/run.mjs` prints. Where `CI` is
 * set, a missing program is a failure.
 */
import { appendFileSync, existsSync } from "node:fs";
import { delimiter, join } from "node:path";

const nothingLeftOut = !["", "0", "false", undefined].includes(process.env["CI"]);

/** Something that tests need. */
export interface Requirement {
  /** What it is, as the summary names it. */
  readonly name: string;
  /** Whether it is at hand. */
  available(): boolean;
  /** How to get it, for the summary. */
  readonly remedy: string;
}

/** Finds a program on PATH and in the folders where Debian keeps daemons; `undefined` where there is none. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/bin", "/usr/sbin"];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/**
 * Says whether tests must be left out for want of something: `describe.skipIf(lacks(influxd))`.
 *
 * Throws where `CI` is set and something is missing.
 */
export function lacks(...requirements: Requirement[]): boolean {
  const missing = requirements.filter((requirement) => !requirement.available());
  for (const { name, remedy } of missing) {
    const reason = `${name} is not there (${remedy})`;
    if (nothingLeftOut) throw new Error(reason);
    noteLeftOut(reason);
  }
  return missing.length > 0;
}

/** Tells the summary of `test/run.mjs` why tests are left out; does nothing where vitest runs by itself. */
export function noteLeftOut(reason: string): void {
  const notes = process.env["KERBSTONE_LEFT_OUT"];
  if (notes !== undefined) appendFileSync(notes, `${reason}\n`);
}
