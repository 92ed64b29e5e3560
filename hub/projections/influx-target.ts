/**
 * One database of an InfluxDB 1.8, 2 or 3, spoken to by its v1 interface through the `influx` client.
 *
 * Says what became of a write in the words of mirroring: taken, refused for good, or to be tried again. The client gets
 * an explicit schema with every write, since it and the server would otherwise guess types by the first value. Its own
 * retries are switched off, and it is made anew for each operation, on a bounded connection (influx-connection.ts). One
 * flaw of its quoting remains: a text with a backslash before an apostrophe arrives with one backslash more.
 */

import { escape, InfluxDB } from "influx";
import type { FieldType, ISchemaOptions } from "influx";
import type { Clock } from "../../platform/clock.ts";
import { UserError } from "../../platform/user-error.ts";
import { InfluxFault, withConnection } from "./influx-connection.ts";
import type { ConnectionLimits } from "./influx-connection.ts";
import type { MirrorPoint } from "./influx-point.ts";

/** Why points are not taken, as a metric label. */
export const REFUSED_REASONS = [
  /** Older than what the database keeps. */
  "beyond-retention",
  /** A field has another type there. */
  "field-type",
  /** The server takes no more series or values of tags. */
  "series-limit",
  /** The server could not read them. */
  "unreadable",
  /** The server said that it took them, and does not have them. */
  "vanished",
  "other",
] as const;

export type RefusedReason = (typeof REFUSED_REASONS)[number];

/** The server has refused some or all points of a write, and would again. */
export interface WriteRefused {
  readonly reason: RefusedReason;
  readonly text: string;
}

/** Where the mirror writes to. Errors mean: try again later; they hold no secret. */
export interface MirrorTarget {
  /** Names server and database, without secrets. */
  readonly name: string;
  /** Makes the database if need be; says whether it was there. */
  ensure(): Promise<"found" | "made">;
  /** Writes points, all of them or as many as the server takes. */
  write(points: readonly MirrorPoint[]): Promise<"taken" | WriteRefused>;
  /** Counts points of a measurement between two times and two entries, both included. */
  count(range: CountRange): Promise<number>;
  /** Removes the database with all that is in it. */
  drop(): Promise<void>;
}

export interface CountRange {
  readonly measurement: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly firstEntry: number;
  readonly lastEntry: number;
}

const CONNECTION_LIMITS: ConnectionLimits = { bytesMax: 8_388_608, timeoutMs: 20_000 };

/**
 * Takes `http://user:password@host:port/database` apart. Throws `UserError` for anything else.
 *
 * The text is not repeated: where its parts cannot be told apart, any of it may be the password.
 */
export function parseInfluxUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isHttp = url?.protocol === "http:" || url?.protocol === "https:";
  const hasDatabase = url !== undefined && /^\/[^/]+$/.test(url.pathname);
  if (url === undefined || !isHttp || !hasDatabase || !canDecode(url)) {
    throw new UserError("The setting influx.url is no address of an InfluxDB database.", {
      hint: "Expected something like http://127.0.0.1:8086/kerbstone; a percent sign in a password is %25.",
    });
  }
  return url;
}

/** Whether each percent sign of the parts that are decoded begins a character. */
function canDecode({ username, password, pathname }: URL): boolean {
  try {
    for (const part of [username, password, pathname]) decodeURIComponent(part);
    return true;
  } catch {
    return false;
  }
}

/** See the head of the file. */
export class InfluxTarget implements MirrorTarget {
  readonly name: string;
  readonly #url: URL;
  readonly #database: string;
  readonly #clock: Clock;
  readonly #limits: ConnectionLimits;

  /** `url` as `parseInfluxUrl` gives it. */
  constructor(url: URL, clock: Clock, limits: ConnectionLimits = CONNECTION_LIMITS) {
    this.#url = url;
    this.#clock = clock;
    this.#limits = limits;
    this.#database = decodeURIComponent(url.pathname.slice(1));
    this.name = `${url.protocol}//${url.host}/${this.#database}`;
  }

  async ensure(): Promise<"found" | "made"> {
    const names = await this.#ask((client) => client.getDatabaseNames());
    if (names.includes(this.#database)) return "found";
    await this.#ask((client) => client.createDatabase(this.#database));
    return "made";
  }

  async write(points: readonly MirrorPoint[]): Promise<"taken" | WriteRefused> {
    const lines = points.map((point) => ({
      measurement: escape.measurement(point.measurement),
      tags: { device: point.device },
      fields: Object.fromEntries([...point.fields].map(([name, { value }]) => [name, value])),
      timestamp: point.timeMs,
    }));
    try {
      const schemas = schemasOf(points);
      await this.#ask((client) => client.writePoints(lines, { precision: "ms" }), schemas);
      return "taken";
    } catch (error) {
      const refused = refusedBy(error);
      if (refused === undefined) throw error;
      return refused;
    }
  }

  async count(range: CountRange): Promise<number> {
    const { measurement, fromMs, toMs, firstEntry, lastEntry } = range;
    const query =
      `SELECT count("entry") AS "count" FROM ${escape.quoted(measurement)}` +
      ` WHERE time >= ${fromMs}ms AND time <= ${toMs}ms` +
      ` AND "entry" >= ${firstEntry} AND "entry" <= ${lastEntry}`;
    const [row] = await this.#ask((client) => client.query<{ count: number }>(query));
    return row?.count ?? 0;
  }

  async drop(): Promise<void> {
    await this.#ask((client) => client.dropDatabase(this.#database));
  }

  /** Runs one operation on a connection of its own. */
  #ask<T>(run: (client: InfluxDB) => Promise<T>, schema: ISchemaOptions[] = []): Promise<T> {
    const { protocol, hostname, port, username, password } = this.#url;
    const isTls = protocol === "https:";
    return withConnection(isTls, this.#limits, this.#clock, (agent) => {
      const host = {
        protocol: isTls ? ("https" as const) : ("http" as const),
        host: hostname,
        port: port === "" ? (isTls ? 443 : 80) : Number(port),
        options: { agent },
      };
      const client = new InfluxDB({
        hosts: [host],
        database: this.#database,
        schema,
        ...(username === "" ? {} : { username: decodeURIComponent(username) }),
        ...(password === "" ? {} : { password: decodeURIComponent(password) }),
        pool: { maxRetries: 0, requestTimeout: this.#limits.timeoutMs / 2, backoff: NO_WAIT },
      });
      return run(client);
    });
  }
}

/** Keeps the client from taking its only host out of service after a failure. */
const NO_WAIT = { getDelay: () => 0, next: () => NO_WAIT, reset: () => NO_WAIT };

/** The schema of just these points, measurement by measurement. */
function schemasOf(points: readonly MirrorPoint[]): ISchemaOptions[] {
  const fieldsOf = new Map<string, Record<string, FieldType>>();
  for (const { measurement, fields } of points) {
    const known = fieldsOf.get(measurement) ?? {};
    for (const [name, { type }] of fields) known[name] = type;
    fieldsOf.set(measurement, known);
  }
  return [...fieldsOf].map(([measurement, fields]) => ({
    measurement: escape.measurement(measurement),
    fields,
    tags: ["device"],
  }));
}

/** Tells a refusal for good by its status, 400, from everything that may pass: no server, no rights, no database. */
function refusedBy(error: unknown): WriteRefused | undefined {
  if (!(error instanceof InfluxFault) || error.status !== 400) return undefined;
  const text = error.message;
  return { reason: REASONS.find(([pattern]) => pattern.test(text))?.[1] ?? "other", text };
}

const REASONS: readonly [RegExp, RefusedReason][] = [
  [/retention policy/i, "beyond-retention"],
  [/field type conflict/i, "field-type"],
  [/max-(series|values)-per/i, "series-limit"],
  [/unable to parse|invalid/i, "unreadable"],
];
