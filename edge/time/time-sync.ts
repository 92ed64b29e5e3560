/**
 * Whether somebody keeps the system's clock: what the kernel knows of it, as systemd tells (timedatectl(1)).
 *
 * The kernel's flag is set by whichever program disciplines the clock (systemd-timesyncd, chrony, ntpd, ptp4l), so one
 * question serves all. Without systemd the mark that timesyncd leaves is looked for, and else nothing is known.
 */

import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import { promisify } from "node:util";
import type { Clock } from "../../platform/clock.ts";

/** Says whether the system's clock is kept in step with true time; `undefined` where nobody can tell. Never rejects. */
export type AskTimeSync = () => Promise<boolean | undefined>;

const run = promisify(execFile);
const ANSWER_MS_MAX = 5_000;
/** Left by systemd-timesyncd(8) from its first synchronisation on. */
const TIMESYNCD_MARK = "/run/systemd/timesync/synchronized";

/** Asks this machine. */
export const systemTimeSync: AskTimeSync = async () => {
  try {
    const args = ["show", "--property=NTPSynchronized", "--value"];
    const { stdout } = await run("timedatectl", args, { timeout: ANSWER_MS_MAX });
    const answer = stdout.trim();
    if (answer === "yes" || answer === "no") return answer === "yes";
  } catch {
    // No systemd here, or it does not answer.
  }
  return access(TIMESYNCD_MARK).then(
    () => true,
    () => undefined,
  );
};

/** Keeps an answer for `keepMs`: a process of many agents asks once for all of them. */
export function rememberTimeSync(ask: AskTimeSync, clock: Clock, keepMs: number): AskTimeSync {
  let asked: { atMs: number; answer: Promise<boolean | undefined> } | undefined;
  return () => {
    const nowMs = clock.monotonicMs();
    if (asked === undefined || nowMs - asked.atMs >= keepMs) asked = { atMs: nowMs, answer: ask() };
    return asked.answer;
  };
}
