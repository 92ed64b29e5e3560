/** The settings file that `kerbstone edge init` writes, and the short form of a sensor on its command line. */

import { UserError } from "../../platform/user-error.ts";
import type { DeviceProfile } from "../../platform/enrolment-request.ts";
import { parseCameraAddress } from "../cameras/camera-address.ts";
import type { LanConfig } from "./lan.ts";

/** A sensor as the command line names it. */
export interface SensorChoice {
  readonly stream: string;
  readonly driver: string;
  readonly address: string;
}

/** What goes into a new settings file. */
export interface NewSettings extends DeviceProfile {
  /** The position comes from a receiver. */
  readonly isMoving: boolean;
  readonly hub: {
    readonly mqtt: string;
    readonly url?: string | undefined;
    readonly vkey: string;
    /** The policy lies beside the file, as policy.txt. */
    readonly hasPolicy: boolean;
    /** The authority behind its certificate lies beside the file, as hub-ca.pem. */
    readonly hasAuthority?: boolean;
  };
  /** Where the sensors of the LAN are reached; empty for none. */
  readonly lan?: LanConfig;
  readonly sensors: readonly SensorChoice[];
  readonly cameras?: readonly CameraChoice[];
}

/** A camera as the command line names it. */
export interface CameraChoice {
  readonly name: string;
  readonly stream: string;
  readonly url: string;
}

/** Parses `[STREAM:]NAME=URL`; the stream is `camera` unless given. Throws `UserError`, also for a password in the URL. */
export function parseCamera(text: string): CameraChoice {
  const groups = /^(?:(?<stream>[^:=]*):)?(?<name>[^:=]+)=(?<url>.+)$/.exec(text)?.groups;
  const address = parseCameraAddress(groups?.["url"] ?? "");
  if (groups === undefined || typeof address === "string") {
    const why = typeof address === "string" ? `: ${address}` : "";
    // Not shown: somebody may have put a password into it.
    throw new UserError(`--camera does not name a camera and its address${why}.`, {
      hint: "For example --camera street=rtsp://192.168.1.20/stream1",
    });
  }
  return { name: groups["name"]!, stream: groups["stream"] ?? "camera", url: address.url };
}

/** Parses `[STREAM:]DRIVER=ADDRESS`. Throws `UserError`, also where no stream is known. */
export function parseSensor(text: string, stream: string | undefined): SensorChoice {
  const groups = /^(?:(?<stream>[^:=]*):)?(?<driver>[^:=]+)=(?<address>.+)$/.exec(text)?.groups;
  const own = groups?.["stream"] ?? stream;
  if (groups === undefined || own === undefined) {
    throw new UserError(`--sensor ${text} does not name a stream, a driver and an address.`, {
      hint: "For example --sensor air:sds011=/dev/ttyUSB0",
    });
  }
  return { stream: own, driver: groups["driver"]!, address: groups["address"]! };
}

/** Formats the settings as TOML. What is not there has its default, see docs/edge.md. */
export function formatSettings(settings: NewSettings): string {
  const { hub, lat, lon } = settings;
  const lines = [
    entry("name", settings.name),
    entry("origin", settings.origin),
    ...(settings.visibility === "public" ? [] : [entry("visibility", settings.visibility)]),
    "",
    "[hub]",
    entry("mqtt", hub.mqtt),
    ...(hub.url === undefined ? [] : [entry("url", hub.url)]),
    "# Receipts of any other key are not believed.",
    entry("vkey", hub.vkey),
    ...(hub.hasPolicy ? [entry("policy", "policy.txt")] : []),
    ...(hub.hasAuthority === true ? [entry("ca", "hub-ca.pem")] : []),
    ...(settings.isMoving ? [] : ["", "[position]", `lat = ${lat}`, `lon = ${lon}`]),
    ...formatLan(settings.lan ?? {}),
    ...settings.sensors.flatMap((sensor) => ["", formatSensor(sensor).trimEnd()]),
    ...(settings.cameras ?? []).flatMap((camera) => ["", formatCamera(camera).trimEnd()]),
  ];
  return lines.join("\n") + "\n";
}

/** Formats the `[lan]`, with an empty line before it; nothing where there is nothing to say. */
export function formatLan(lan: LanConfig): string[] {
  const entries = Object.entries(lan).flatMap(([name, value]: [string, string | undefined]) =>
    value === undefined ? [] : [entry(name, value)],
  );
  return entries.length === 0 ? [] : ["", "[lan]", ...entries];
}

/** Formats a sensor's own part of the settings. */
export function formatSensor({ stream, driver, address }: SensorChoice): string {
  const lines = [
    "[[sensors]]",
    entry("stream", stream),
    entry("driver", driver),
    entry("address", address),
  ];
  return lines.join("\n") + "\n";
}

/** Formats a camera's own part of the settings. */
export function formatCamera({ name, stream, url }: CameraChoice, username?: string): string {
  const login =
    username === undefined
      ? [
          "# Where it asks for a login; the file holds the password, with mode 0600:",
          '# username = "viewer"',
          '# passwordFile = "camera-password"',
        ]
      : [entry("username", username), entry("passwordFile", "camera-password")];
  const lines = ["[[cameras]]", entry("name", name), entry("stream", stream), entry("url", url)];
  return [...lines, ...login].join("\n") + "\n";
}

/** A basic string of TOML is one of JSON, but for DEL, which JSON leaves as it is. */
function entry(name: string, value: string): string {
  return `${name} = ${JSON.stringify(value).replaceAll("\u007f", "\\u007F")}`;
}
