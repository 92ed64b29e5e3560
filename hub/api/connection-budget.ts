/**
 * How many connections the hub takes, seen from the files that its process may have open.
 *
 * Every connection is a file. Were strangers to take the last one, the journal could not be opened, and the hub would
 * end as if its disk had failed. So a share is kept for the disk, and the ports live on the rest.
 */

/** Bounds on connections at the same time. */
export interface ConnectionBudget {
  readonly mqtt: number;
  readonly http: number;
}

/** Files for the disk, the operator, InfluxDB and the programs' own libraries. */
const FILES_KEPT = 128;

/**
 * Fits the wanted numbers into the files there are. HTTP keeps a quarter of what is short, and gets what MQTT leaves.
 *
 * Each gets at least one connection, however few files there are.
 */
export function connectionBudget(filesMax: number, wanted: ConnectionBudget): ConnectionBudget {
  const available = Math.max(2, filesMax - FILES_KEPT);
  if (wanted.mqtt + wanted.http <= available) return wanted;
  const http = Math.min(
    wanted.http,
    Math.max(1, Math.floor(available / 4), available - wanted.mqtt),
  );
  return { mqtt: Math.min(wanted.mqtt, available - http), http };
}
