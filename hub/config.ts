/**
 * The hub's settings: `kerbstone hub run --config FILE`, `KERBSTONE_HUB_…`, flags (docs/operations.md).
 *
 * What belongs to the log itself, its origin and the length of its blocks, is fixed by genesis; here it can only be
 * repeated, so that a wrong data folder is noticed.
 */

import { z } from "zod";
import type { FlagSpec } from "../platform/command-line.ts";
import { loadConfig, settingFlags } from "../platform/config.ts";
import type { ConfigSources } from "../platform/config.ts";
import type { ProgramIo } from "../platform/lifecycle.ts";
import { LOG_LEVELS } from "../platform/log.ts";
import type { LogLevel } from "../platform/log.ts";

const port = z.number().int().min(0).max(65_535);

const mqttSettings = z.object({
  host: z.string().default("127.0.0.1").meta({ description: "address on which devices connect" }),
  port: port.default(1883).meta({ description: "port on which devices connect; 0 for any" }),
  certFile: z
    .string()
    .optional()
    .meta({ description: "PEM certificate chain; needed on anything but loopback" }),
  keyFile: z.string().optional().meta({ description: "PEM private key of the certificate" }),
  connectionsMax: z
    .number()
    .int()
    .min(1)
    .default(20_000)
    .meta({ description: "connections at the same time" }),
});

const httpSettings = z.object({
  host: z
    .string()
    .default("127.0.0.1")
    .meta({ description: "address on which page, query API and log are served" }),
  port: port
    .default(8080)
    .meta({ description: "port on which page, query API and log are served; 0 for any" }),
});

const influxSettings = z.object({
  url: z
    .string()
    .optional()
    .meta({
      description: "InfluxDB database into which public values are mirrored; none unless given",
      examples: ["http://127.0.0.1:8086/kerbstone"],
      secret: true,
    }),
});

const schema = z.object({
  data: z
    .string()
    .default("data")
    .meta({ description: "folder of the log and everything beside it" }),
  origin: z
    .string()
    .optional()
    .meta({ description: "the log's name; refused if the data folder holds another" }),
  blockSeconds: z
    .number()
    .int()
    .min(1)
    .optional()
    .meta({ description: "time between seals; refused if the data folder says another" }),
  logLevel: z
    .enum(LOG_LEVELS)
    .default("info")
    .meta({ description: "least grave lines that are logged" }),
  verifyWorkers: z
    .number()
    .int()
    .min(0)
    .max(64)
    .optional()
    .meta({
      description:
        "threads that check signatures, 0 for the main one; by the number of cores unless given",
      examples: [1],
    }),
  ackIntervalMs: z
    .number()
    .int()
    .min(0)
    .default(1000)
    .meta({ description: "least time between two acks of a device without a new block" }),
  policy: z
    .string()
    .optional()
    .meta({ description: "file that names the peers whose cosignatures count, and their quorum" }),
  mqtt: mqttSettings.prefault({}),
  http: httpSettings.prefault({}),
  influx: influxSettings.prefault({}),
});

/** The shape of the settings, for whoever lists them. */
export const hubSchema: z.ZodObject = schema;

/** The settings of a hub, whole and checked. */
export interface HubSettings {
  readonly data: string;
  readonly origin?: string | undefined;
  readonly blockSeconds?: number | undefined;
  readonly logLevel: LogLevel;
  readonly verifyWorkers?: number | undefined;
  readonly ackIntervalMs: number;
  readonly policy?: string | undefined;
  readonly mqtt: {
    readonly host: string;
    readonly port: number;
    readonly certFile?: string | undefined;
    readonly keyFile?: string | undefined;
    readonly connectionsMax: number;
  };
  readonly http: { readonly host: string; readonly port: number };
  readonly influx: { readonly url?: string | undefined };
}

/** The flags of `kerbstone hub run`, one a setting. */
export const hubFlags: Record<string, FlagSpec> = settingFlags(schema);

/** Puts the settings together from file, environment and flags. Rejects with all that is wrong with them at once. */
export function loadHubSettings(
  io: Pick<ProgramIo, "env" | "files">,
  flags: ConfigSources<z.ZodObject>["flags"],
  file: string | undefined,
): Promise<HubSettings> {
  const { env, files } = io;
  return loadConfig({ schema, file, env, flags, prefix: "KERBSTONE_HUB", files });
}
