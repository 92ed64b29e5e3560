/**
 * When a fault is there: once, for good, or again and again. Pure arithmetic, and a loop that follows it.
 */
import type { Clock } from "../../platform/clock.ts";

/** When a fault is there, in ms since the station began. Without an end for good; with `everyMs` again and again. */
export interface FaultWindow {
  readonly afterMs: number;
  readonly forMs?: number;
  /** From one beginning to the next; longer than `forMs`. */
  readonly everyMs?: number;
}

/** The least step from one look at the windows to the next, whatever rounding makes of their edges. */
const STEP_MS_MIN = 1;

/** Says whether the window is open. */
export function inWindow({ afterMs, forMs, everyMs }: FaultWindow, elapsedMs: number): boolean {
  const since = elapsedMs - afterMs;
  if (since < 0) return false;
  if (forMs === undefined) return true;
  return (everyMs === undefined ? since : since % everyMs) < forMs;
}

/** Gives when the window opened in which this moment is; `undefined` where it is in none. */
export function openedMs(window: FaultWindow, elapsedMs: number): number | undefined {
  const { afterMs, everyMs } = window;
  if (!inWindow(window, elapsedMs)) return undefined;
  const since = elapsedMs - afterMs;
  return everyMs === undefined ? afterMs : elapsedMs - (since % everyMs);
}

/** Counts how often the window has closed until this moment. */
export function closings({ afterMs, forMs, everyMs }: FaultWindow, elapsedMs: number): number {
  const since = elapsedMs - afterMs;
  if (since < 0 || forMs === undefined) return 0;
  if (everyMs === undefined) return since >= forMs ? 1 : 0;
  return Math.floor(since / everyMs) + (since % everyMs >= forMs ? 1 : 0);
}

/** Gives the next moment at which the window opens or closes; `undefined` where it does not any more. */
export function nextEdgeMs(window: FaultWindow, elapsedMs: number): number | undefined {
  const { afterMs, forMs, everyMs } = window;
  if (elapsedMs < afterMs) return afterMs;
  if (forMs === undefined) return undefined;
  const beganMs = openedMs(window, elapsedMs);
  if (beganMs !== undefined) return beganMs + forMs;
  return everyMs === undefined
    ? undefined
    : elapsedMs + everyMs - ((elapsedMs - afterMs) % everyMs);
}

/**
 * Calls `look` at once, and again whenever one of the windows has opened or closed, until none does any more.
 *
 * `look` is awaited, and may be late; it is told the time that has passed since `bornMs` of the clock. Rejects with the
 * signal's reason, or with what `look` throws.
 */
export async function followWindows(
  windows: readonly FaultWindow[],
  { clock, bornMs, signal }: { clock: Clock; bornMs: number; signal: AbortSignal },
  look: (elapsedMs: number) => Promise<void> | void,
): Promise<void> {
  for (;;) {
    const elapsedMs = clock.monotonicMs() - bornMs;
    await look(elapsedMs);
    const edges = windows.flatMap((window) => nextEdgeMs(window, elapsedMs) ?? []);
    if (edges.length === 0) return;
    const leftMs = bornMs + Math.min(...edges) - clock.monotonicMs();
    await clock.sleep(Math.max(STEP_MS_MIN, leftMs), signal);
  }
}
