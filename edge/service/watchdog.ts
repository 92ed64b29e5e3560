/** How long an agent may not get on before the watchdog may take it for stuck (docs/edge.md, "As a service"). Pure. */

/** What an agent's settings say that makes it slow. */
export interface Pace {
  /** Age at which packs are closed. */
  readonly packSeconds: number;
  /** Longest wait between two connections. */
  readonly reconnectMostMs: number;
}

const SECONDS_MIN = 900;
/** A pack takes its age, the hub's acknowledgement, and a reconnection; one try of these may fail. */
const TURNS = 3;

/** The watchdog's time in whole seconds: at least a quarter of an hour, and three packs or three tries to connect. */
export function watchdogSeconds({ packSeconds, reconnectMostMs }: Pace): number {
  return Math.max(SECONDS_MIN, Math.ceil(TURNS * Math.max(packSeconds, reconnectMostMs / 1000)));
}
