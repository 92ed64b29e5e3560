/**
 * What systemd is told: that the service is ready, and that it gets on (sd_notify(3)).
 *
 * That takes a datagram to a Unix socket, which Node cannot send; systemd's own `systemd-notify` does it. It is a child of
 * ours, so the unit has to say `NotifyAccess=all`. A process every minute is a price that a card does not notice.
 */

import { execFile } from "node:child_process";
import type { Clock } from "../../platform/clock.ts";
import type { Logger } from "../../platform/log.ts";

/** Runs `systemd-notify` with arguments; rejects where that fails. */
export type Notify = (args: readonly string[]) => Promise<void>;

/** What a notice is made of. */
export interface ServiceNoticeParts {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly processId: number;
  /** The least time that the watchdog has to allow, by the settings as they are now: the unit may be older. */
  readonly watchdogMsMin: number;
  readonly notify: Notify;
  readonly clock: Clock;
  readonly logger: Logger;
}

const NOTIFY_LIMIT_MS = 10_000;
const LOOK_MS_MAX = 60_000;
const LOOK_MS_MIN = 1_000;
/** Looks in the watchdog's time: one feed may be late without harm. */
const LOOKS = 6;

/** Runs the program of that name. */
export const systemdNotify: Notify = (args) =>
  new Promise((resolve, reject) => {
    execFile("systemd-notify", [...args], { timeout: NOTIFY_LIMIT_MS }, (error) => {
      if (error === null) resolve();
      else reject(new Error("systemd-notify failed", { cause: error }));
    });
  });

/** See the head of the file. Without systemd around it all methods do nothing. */
export class ServiceNotice {
  private readonly parts: ServiceNoticeParts;
  private hasFailed = false;

  constructor(parts: ServiceNoticeParts) {
    this.parts = parts;
  }

  /** Whether systemd wants to know. */
  get isWanted(): boolean {
    return (this.parts.env["NOTIFY_SOCKET"] ?? "") !== "";
  }

  /** The time within which the watchdog has to be fed; `undefined` where there is none for this process. */
  get watchdogMs(): number | undefined {
    const setMs = this.setMs;
    return setMs === undefined ? undefined : Math.max(setMs, this.parts.watchdogMsMin);
  }

  /** What the unit allows. */
  private get setMs(): number | undefined {
    const { env, processId } = this.parts;
    const micros = Number(env["WATCHDOG_USEC"]);
    const owner = env["WATCHDOG_PID"];
    if (!this.isWanted || !(micros > 0)) return undefined;
    return owner === undefined || owner === String(processId) ? micros / 1000 : undefined;
  }

  /** Says that the service is ready, and how patient the watchdog has to be where the unit says less. */
  ready(): Promise<void> {
    const { watchdogMs, setMs } = this;
    const isEnough = watchdogMs === undefined || watchdogMs === setMs;
    return this.tell(["--ready", ...(isEnough ? [] : [`WATCHDOG_USEC=${watchdogMs * 1000}`])]);
  }

  /** Feeds the watchdog until the signal, each time that `hasProgressed` says so. Never rejects. */
  async feed(hasProgressed: () => boolean, signal: AbortSignal): Promise<void> {
    const { watchdogMs, parts } = this;
    if (watchdogMs === undefined) return;
    const lookMs = Math.max(LOOK_MS_MIN, Math.min(LOOK_MS_MAX, watchdogMs / LOOKS));
    while (!signal.aborted) {
      if (hasProgressed()) await this.tell(["WATCHDOG=1"]);
      await parts.clock.sleep(lookMs, signal).catch(() => undefined);
    }
  }

  private async tell(args: readonly string[]): Promise<void> {
    if (!this.isWanted) return;
    try {
      await this.parts.notify(args);
    } catch (error) {
      if (!this.hasFailed) this.parts.logger.error({ error }, "systemd cannot be told how it is");
      this.hasFailed = true;
    }
  }
}
