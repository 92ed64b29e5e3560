/**
 * Structured logging: one JSON object a line, through pino.
 *
 * Parts take the small `Logger` below, so that none of them knows the library. What is logged must hold no secret:
 * tokens, passwords and private keys never go into `fields`.
 */
import { pino, stdSerializers } from "pino";

/** Where a part reports what people may want to know. An error goes under `error` in `fields`. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;

/** The least grave level that is written; `silent` writes nothing. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Makes a logger that writes each line to `destination`, at once and in one call. */
export function pinoLogger(
  name: string,
  level: LogLevel,
  destination: { write(line: string): void },
): Logger {
  const serializers = { error: stdSerializers.err, err: stdSerializers.err };
  return pino({ name, level, serializers, timestamp: isoTime }, destination);
}

/** The time as people write it: a log is read by people first. */
function isoTime(): string {
  return `,"time":"${new Date().toISOString()}"`;
}

/** Adds `fields` to each line; a field of the line itself wins. */
export function withFields(logger: Logger, fields: object): Logger {
  return {
    debug: (own, message) => logger.debug({ ...fields, ...own }, message),
    info: (own, message) => logger.info({ ...fields, ...own }, message),
    warn: (own, message) => logger.warn({ ...fields, ...own }, message),
    error: (own, message) => logger.error({ ...fields, ...own }, message),
  };
}

/** Drops everything. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
