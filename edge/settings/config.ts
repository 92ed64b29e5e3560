/**
 * The settings of an agent, as its TOML file, the environment (`KERBSTONE_EDGE_…`) and flags give them.
 *
 * Only shapes and bounds stand here; platform/config.ts reads and merges, run-command.ts makes an agent of the result.
 * docs/edge.md, "Settings", says the same to people.
 */

import { z } from "zod";
import { STREAMS_MAX } from "../../ledger/limits.ts";
import { isOrigin } from "../../ledger/name.ts";
import type { Position } from "../../ledger/senml.ts";
import type { FlagSpec } from "../../platform/command-line.ts";
import { loadConfig, settingFlags } from "../../platform/config.ts";
import type { ConfigSources } from "../../platform/config.ts";
import { LOG_LEVELS } from "../../platform/log.ts";
import type { LogLevel } from "../../platform/log.ts";
import { BUILD_DATE } from "./build-date.ts";
import { nameOf } from "./name-setting.ts";
import { DRIVERS } from "../sensors/drivers/drivers.ts";
import { ADDRESS_FORMS, parseLineAddress } from "../sensors/lines/address.ts";
import { camera, faultsOfCameras } from "./camera-config.ts";
import type { CameraConfig } from "./camera-config.ts";
import { type LanConfig, lanFaults, lanShape } from "./lan.ts";
import { parseListenAddress } from "../../platform/listen-address.ts";
import type { PackLimits } from "../packs/packer.ts";
import { PREFERENCES } from "../time/clock-source.ts";
import type { Preference } from "../time/clock-source.ts";
import type { SendingLimits } from "../delivery/publisher.ts";
import type { RetentionLevel } from "../delivery/receipt-trust.ts";

const mqttUrl = z
  .string()
  .refine(isSafeMqttUrl, "expected mqtts://host[:port], or mqtt://host[:port] of this very machine")
  .meta({
    description: "the hub's MQTT address; TLS everywhere but on loopback",
    examples: ["mqtts://hub.example:8883"],
  });

const hub = z.object({
  mqtt: mqttUrl,
  url: z
    .url({ protocol: /^https?$/ })
    .optional()
    .meta({
      description: "the hub's HTTP address, asked for the time where nobody else tells it",
      examples: ["https://hub.example"],
    }),
  ca: z
    .string()
    .optional()
    .meta({ description: "PEM file of the authority behind the hub's TLS certificate" }),
  vkey: z.string().meta({
    description: "the hub's key, pinned: receipts of any other are not believed",
    examples: ["kerbstone.example/newport+a1de9dc8+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea"],
  }),
  policy: z
    .string()
    .optional()
    .meta({ description: "file with the quorum policy, pinned", examples: ["policy.txt"] }),
});

const sensor = z.object({
  stream: nameOf("the stream that it belongs to", "air"),
  driver: z.enum([...DRIVERS.keys()] as [string, ...string[]]).meta({ description: "the driver" }),
  address: z
    .string()
    .refine((text) => parseLineAddress(text) !== undefined, `expected ${ADDRESS_FORMS}`)
    .meta({
      description: "the line to it",
      examples: ["/dev/serial/by-id/usb-1a86_USB_Serial-if00"],
    }),
  silentSeconds: z.number().int().min(5).max(86_400).optional().meta({
    description: "how long it may say nothing before that is reported",
  }),
  stuckSeconds: z
    .number()
    .int()
    .min(0)
    .max(31_536_000)
    .optional()
    .meta({
      description: "how long air or noise may repeat one value before it is flagged; 0 for ever",
      examples: [21_600],
    }),
  options: z.record(z.string(), z.unknown()).default({}).meta({
    description: "what the driver lets one set, see docs/drivers.md",
  }),
});

const shape = z.object({
  name: nameOf("the device's name", "air-1"),
  origin: z
    .string()
    .refine(isOrigin, "expected the log's name: a URL without its scheme")
    .meta({ description: "the log's name, pinned", examples: ["kerbstone.example/newport"] }),
  key: z.string().default("key.pem").meta({ description: "the device's private key, mode 0600" }),
  data: z.string().default("data").meta({ description: "folder of outbox, quarantine and status" }),
  visibility: z.enum(["public", "restricted"]).default("public").meta({
    description: "whether readings are shown or only committed to, as the device was enrolled",
  }),
  hub,
  position: z
    .object({
      lat: z
        .number()
        .min(-90)
        .max(90)
        .meta({ description: "WGS 84 degrees", examples: [51.588] }),
      lon: z
        .number()
        .min(-180)
        .max(180)
        .meta({ description: "WGS 84 degrees", examples: [-2.998] }),
      movedMetres: z.number().min(0).max(20_100_000).default(150).meta({
        description: "a receiver farther away than this says that the device was moved; 0: never",
      }),
    })
    .optional()
    .meta({ description: "where the device stands; without it a satellite receiver says so" }),
  pack: z
    .object({
      seconds: z
        .number()
        .min(1)
        .max(3_600)
        .default(10)
        .meta({ description: "greatest age of a pack" }),
      readingsMax: z.number().int().min(1).max(120).default(64).meta({
        description: "readings in a pack; those of one instant stay together all the same",
      }),
    })
    .prefault({}),
  outbox: z
    .object({
      bytesMax: z.number().int().min(65_536).max(16_000_000_000).default(268_435_456).meta({
        description: "bytes on disk at which no more is signed",
      }),
      retention: z.enum(["stored", "sealed", "cosigned"]).optional().meta({
        description:
          "how safe a statement must be before it is let go; cosigned where the policy has a quorum, else sealed",
      }),
      waitingReadingsMax: z.number().int().min(100).max(1_000_000).default(20_000).meta({
        description: "readings that wait in memory while nothing can be signed; more are dropped",
      }),
    })
    .prefault({}),
  sending: z
    .object({
      windowStatements: z.number().int().min(1).max(100).default(16).meta({
        description: "statements under way to the broker",
      }),
      statementsPerSecondMax: z.number().min(0.1).max(10_000).default(100).meta({
        description: "how fast a backlog is sent",
      }),
      reconnectMostMs: z.number().int().min(100).max(3_600_000).default(60_000).meta({
        description: "longest wait between two tries to connect, in milliseconds",
      }),
    })
    .prefault({}),
  clock: z
    .object({
      notBefore: z.iso.date().default(BUILD_DATE).meta({
        description: "a clock that says less is not believed; earlier for replays of recordings",
      }),
      waitForSyncSeconds: z.number().int().min(0).max(86_400).default(120).meta({
        description:
          "how long after the machine's start a clock that NTP has not set is not believed yet",
      }),
      prefer: z.enum(PREFERENCES).default("ntp").meta({
        description:
          "who is believed where a satellite receiver contradicts a clock that NTP keeps: ntp or gps",
      }),
    })
    .prefault({}),
  metrics: z
    .string()
    .refine(
      (text) => parseListenAddress(text) !== undefined,
      "expected a port, or host:port; a port alone is on this very machine",
    )
    .optional()
    .meta({ description: "where /metrics is served, if at all", examples: ["9464"] }),
  logLevel: z
    .enum(LOG_LEVELS)
    .default("info")
    .meta({ description: "least grave level that is logged" }),
  lan: lanShape,
  homeAssistant: z
    .object({
      enabled: z
        .boolean()
        .default(false)
        .meta({ description: "announces the device to Home Assistant, at the broker under [lan]" }),
      prefix: z
        .string()
        .regex(/^[\w-]+(\/[\w-]+)*$/, "expected words with / between them")
        .default("homeassistant")
        .meta({ description: "Home Assistant's discovery prefix" }),
      expireAfterSeconds: z.number().int().min(10).max(604_800).default(600).meta({
        description: "after how long without a new one Home Assistant shows a value as unknown",
      }),
    })
    .prefault({}),
  sensors: z.array(sensor).max(64).default([]),
  ffmpeg: z
    .string()
    .min(1)
    .default("ffmpeg")
    .meta({ description: "the program that records cameras, looked for on PATH" }),
  cameras: z.array(camera).max(16).default([]),
});

/** What no setting tells by itself. */
const settings = shape.superRefine((config, context) => {
  const { lan, sensors, cameras, homeAssistant, visibility } = config;
  const fault = (path: (string | number)[], message: string): void =>
    context.addIssue({ code: "custom", path, message });
  if (sensors.length + cameras.length === 0)
    fault(["sensors"], "expected at least one sensor, or a camera in [[cameras]]");
  if (new Set([...sensors, ...cameras].map(({ stream }) => stream)).size > STREAMS_MAX)
    fault(["sensors"], `expected at most ${STREAMS_MAX} streams`);
  if (homeAssistant.enabled && lan.broker === undefined)
    fault(["lan", "broker"], "Home Assistant hears of the device at this broker");
  for (const { path, message } of lanFaults(lan, sensors)) fault([...path], message);
  const ports = sensors.map(({ address }) => serialPathOf(address));
  for (const [at, port] of ports.entries())
    if (port !== undefined && ports.indexOf(port) < at)
      fault(["sensors", at, "address"], `sensors[${ports.indexOf(port)}] has ${port} for itself`);
  for (const { path, message } of faultsOfCameras(cameras, visibility))
    fault(["cameras", ...path], message);
});

/** The shape of the settings, for whoever lists them. */
export const edgeSchema: z.ZodObject = shape;

/** One sensor of a device. */
export interface SensorConfig {
  readonly stream: string;
  readonly driver: string;
  readonly address: string;
  readonly silentSeconds?: number | undefined;
  readonly stuckSeconds?: number | undefined;
  readonly options: Readonly<Record<string, unknown>>;
}

/** The settings of one agent. Paths are relative to the file's folder. */
export interface EdgeConfig {
  readonly name: string;
  readonly origin: string;
  readonly key: string;
  readonly data: string;
  readonly visibility: "public" | "restricted";
  readonly hub: {
    readonly mqtt: string;
    readonly url?: string | undefined;
    readonly ca?: string | undefined;
    readonly vkey: string;
    readonly policy?: string | undefined;
  };
  readonly position?: (Position & { readonly movedMetres: number }) | undefined;
  readonly pack: PackLimits;
  readonly outbox: {
    readonly bytesMax: number;
    readonly retention?: RetentionLevel | undefined;
    readonly waitingReadingsMax: number;
  };
  readonly sending: Pick<
    SendingLimits,
    "windowStatements" | "statementsPerSecondMax" | "reconnectMostMs"
  >;
  readonly clock: {
    /** A date, as in ISO 8601. */
    readonly notBefore: string;
    readonly waitForSyncSeconds: number;
    readonly prefer: Preference;
  };
  /** As in listen-address.ts; absent for none. */
  readonly metrics?: string | undefined;
  readonly logLevel: LogLevel;
  readonly lan: LanConfig;
  readonly homeAssistant: {
    readonly enabled: boolean;
    /** What Home Assistant calls its discovery prefix. */
    readonly prefix: string;
    readonly expireAfterSeconds: number;
  };
  readonly sensors: readonly SensorConfig[];
  /** A path, or a name on PATH. */
  readonly ffmpeg: string;
  readonly cameras: readonly CameraConfig[];
}

/** Flags for the settings that one can give on a command line. */
export function settingFlagsOfEdge(): Record<string, FlagSpec> {
  return settingFlags(shape);
}

/** Reads the settings of one agent. Rejects with a `ConfigError` that lists all that is wrong with them. */
export async function loadEdgeConfig(
  sources: Omit<ConfigSources<z.ZodObject>, "schema" | "prefix">,
): Promise<EdgeConfig> {
  return loadConfig({ ...sources, schema: settings, prefix: "KERBSTONE_EDGE" });
}

/** The serial port of an address; `undefined` where it is none. One program opens it once. */
function serialPathOf(text: string): string | undefined {
  const address = parseLineAddress(text);
  return address?.kind === "serial" ? address.path : undefined;
}

/** Says whether a URL keeps what is said private to the two who talk, or never leaves this machine. */
function isSafeMqttUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, pathname } = new URL(text);
  if (username !== "" || !["", "/"].includes(pathname) || hostname === "") return false;
  if (protocol === "mqtts:") return true;
  return protocol === "mqtt:" && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}
