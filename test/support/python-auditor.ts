/**
 * The independent auditor of `test/interop`, as tests ask it: a program in Python that knows the formats' text only.
 */
import { fileURLToPath } from "node:url";
import { runPython } from "./programs.ts";
import type { Scope } from "./scope.ts";

/** The folder of the Python programs. */
export const INTEROP: string = fileURLToPath(new URL("../interop/", import.meta.url));

/** What the auditor printed. `index` is `null` for a fault that is not in an entry. */
export type AuditResult =
  | { ok: true; size: number; root: string; entries: Record<string, number> }
  | { ok: false; index?: number | null; code?: string; text?: string; error?: string };

/** Audits a folder that holds `checkpoint` and `tile`. The exit code is 0, 1 at the first fault, 2 when it could not look. */
export async function auditWithPython(
  scope: Scope,
  folder: string,
  vkey: string,
): Promise<{ exitCode: number | null; result: AuditResult }> {
  const run = await runPython(scope, [`${INTEROP}audit.py`, folder, "--vkey", vkey]);
  if (run.stdout === "") throw new Error(`the auditor said nothing: ${run.stderr}`);
  return { exitCode: run.code, result: JSON.parse(run.stdout) as AuditResult };
}
