/**
 * The published vectors and recordings that lie outside the project, in a folder `shared` next to it.
 *
 * They are read in place, never copied. Without them the suites that need them are skipped, and say so in their
 * name; under `CI=true` their absence is a failure, so that a green run always means that they were there.
 * `KERBSTONE_SHARED` names another folder.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, test } from "vitest";
import { noteLeftOut } from "./requirements.ts";

const NEXT_TO_PROJECT = fileURLToPath(new URL("../../../shared/", import.meta.url));

/** Gives the folder in which the shared data are looked for; it need not exist. */
export function sharedFolder(): string {
  return process.env["KERBSTONE_SHARED"] ?? NEXT_TO_PROJECT;
}

/** Gives the file-system path of a shared file or folder, such as `vectors/tiles.json`; it need not exist. */
export function sharedFile(path: string): string {
  return join(sharedFolder(), path);
}

/** Says whether a shared file or folder is there. */
export function hasShared(path: string): boolean {
  return existsSync(sharedFile(path));
}

/** Reads a shared file as bytes, afresh at each call. */
export function sharedBytes(path: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(sharedFile(path)));
}

/** Reads a shared file as UTF-8 text. */
export function sharedText(path: string): string {
  return readFileSync(sharedFile(path), "utf8");
}

/** Reads a shared JSON file. Its shape is the caller's belief and is not checked. */
export function sharedJson<T>(path: string): T {
  return JSON.parse(sharedText(path)) as T;
}

/**
 * Defines a suite that needs the shared `paths`.
 *
 * Read the files inside `define`: it runs only where all of them are there.
 */
export function describeWithShared(
  name: string,
  paths: readonly string[],
  define: () => void,
): void {
  const missing = paths.filter((path) => !hasShared(path));
  if (missing.length === 0) {
    describe(name, define);
    return;
  }
  const reason = `no ${missing.join(", ")} in ${sharedFolder()}`;
  if (process.env["CI"] === "true") {
    test(`${name} (needs shared data)`, () => {
      throw new Error(`${reason}; under CI=true the shared data must be there`);
    });
    return;
  }
  noteLeftOut(reason);
  describe.skip(`${name} (skipped: ${reason})`, () => {
    test("needs shared data", () => undefined);
  });
}
