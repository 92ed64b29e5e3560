/**
 * The `[lan]` of the settings: where the broker is and where boards push to, and which sensors need what of it.
 *
 * docs/edge.md, "Settings", and docs/drivers.md, "Sensors on the LAN", say the same to people.
 */

import { resolve } from "node:path";
import { z } from "zod";
import type { Files } from "../../platform/files.ts";
import { readGivenFile } from "../../platform/given-file.ts";
import { parseListenAddress } from "../../platform/listen-address.ts";
import { UserError } from "../../platform/user-error.ts";
import { type DriverKind, linesOf } from "../sensors/driver.ts";
import { DRIVERS } from "../sensors/drivers/drivers.ts";
import { type LineAddress, type LineKind, parseLineAddress } from "../sensors/lines/address.ts";
import type { BrokerAccess, LanAccess, PushAccess } from "../sensors/lines/lan-access.ts";
import { readPassword } from "../../platform/secret-file.ts";

/** The table as the settings have it. Paths are relative to the file's folder. */
export interface LanConfig {
  readonly broker?: string | undefined;
  readonly username?: string | undefined;
  readonly passwordFile?: string | undefined;
  readonly ca?: string | undefined;
  readonly push?: string | undefined;
  readonly pushUsername?: string | undefined;
  readonly pushPasswordFile?: string | undefined;
}

const path = (what: string, example: string): z.ZodOptional<z.ZodString> =>
  z
    .string()
    .optional()
    .meta({ description: what, examples: [example] });

/** The shape of the table. */
export const lanShape: z.ZodPrefault<z.ZodType<LanConfig>> = z
  .object({
    broker: z
      .string()
      .refine(isBrokerUrl, "expected mqtt://host[:port] or mqtts://host[:port], without a password")
      .optional()
      .meta({ description: "the LAN's MQTT broker", examples: ["mqtt://192.168.1.2:1883"] }),
    username: z.string().min(1).optional().meta({ description: "the user name at the broker" }),
    passwordFile: path("file with the password at the broker, mode 0600", "broker.password"),
    ca: path("PEM file of the authority behind the broker's TLS certificate", "broker-ca.pem"),
    push: z
      .string()
      .refine(
        (text) => parseListenAddress(text) !== undefined,
        "expected host:port; a port alone is on this very machine",
      )
      .optional()
      .meta({ description: "where boards push to, by HTTP", examples: ["0.0.0.0:8093"] }),
    pushUsername: z
      .string()
      .regex(/^[^:\p{Cc}]+$/u, "expected a name without a colon")
      .optional()
      .meta({ description: "the user name that boards push with, by HTTP Basic" }),
    pushPasswordFile: path(
      "file with the password that boards push with, mode 0600",
      "push.password",
    ),
  })
  .prefault({});

/** What is wrong between sensors and the LAN: the path of the setting, and a clause. */
export interface LanFault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

interface NamedSensor {
  readonly stream: string;
  readonly driver: string;
  readonly address: string;
  readonly options?: unknown;
}

const VIA_BYTES_MAX = 256;

/** Finds what does not fit together. */
export function lanFaults(lan: LanConfig, sensors: readonly NamedSensor[]): LanFault[] {
  return [...tableFaults(lan), ...sensors.flatMap((_, at) => sensorFaults(lan, sensors, at))];
}

function sensorFaults(lan: LanConfig, sensors: readonly NamedSensor[], at: number): LanFault[] {
  const sensor = sensors[at]!;
  const kind = DRIVERS.get(sensor.driver);
  const address = parseLineAddress(sensor.address);
  if (kind === undefined || address === undefined) return [];
  const own = (message: string): LanFault => ({ path: ["sensors", at], message });
  const faults: LanFault[] = [];
  if (!linesOf(kind).includes(address.kind))
    faults.push(
      own(`the driver ${kind.name} needs ${formsOf(linesOf(kind))}, not ${sensor.address}`),
    );
  else if (address.kind === "mqtt" && lan.broker === undefined)
    faults.push({
      path: ["lan", "broker"],
      message: `${sensor.address} is a topic of this broker`,
    });
  else if (address.kind === "push" && lan.push === undefined)
    faults.push({ path: ["lan", "push"], message: `the board of ${sensor.address} pushes to it` });
  const via = viaOf(sensor);
  if (via === undefined) return faults;
  if (new TextEncoder().encode(via).length > VIA_BYTES_MAX)
    faults.push(own(`driver and topic go into every pack, with ${VIA_BYTES_MAX} bytes at most`));
  if (sensors.some((other, place) => place !== at && streamsOf(other).includes(sensor.stream)))
    faults.push(
      own("a board of the LAN needs a stream of its own: each pack says which board measured"),
    );
  return faults;
}

/** The board for which a device signs what comes over a line of the LAN; `undefined` for sensors of its own. */
export function viaOf({
  driver,
  address: text,
}: Pick<NamedSensor, "driver" | "address">): string | undefined {
  const address = parseLineAddress(text);
  if (address?.kind === "mqtt") return `${driver}:${address.filter}`;
  return address?.kind === "push" ? `${driver}:${address.board}` : undefined;
}

/** The line of a sensor as its driver wants it. Throws for what the settings have not let through. */
export function lineAddressOf(kind: DriverKind, text: string): LineAddress {
  const address = parseLineAddress(text, kind.baudRate || undefined);
  if (address === undefined) throw new Error(`${text} is no address, and was let through`);
  if (address.kind !== "mqtt" || kind.besides === undefined) return address;
  return { ...address, besides: kind.besides(address.filter) };
}

/** Checks a table that did not come from a settings file. Throws `UserError` with all that is wrong. */
export function checkLan(given: LanConfig): LanConfig {
  const result = lanShape.safeParse(given);
  const faults = result.success ? tableFaults(result.data) : (result.error?.issues ?? []);
  if (result.success && faults.length === 0) return result.data;
  const texts = faults.map(
    ({ path, message }) => `${path.at(-1)?.toString() ?? "lan"}: ${message}`,
  );
  throw new UserError(`${texts.join("; ")}.`);
}

/** Reads the files that the table names. Rejects with `UserError` where one is missing, or can be read by others. */
export async function openLan(files: Files, lan: LanConfig, folder: string): Promise<LanAccess> {
  const broker = await brokerOf(files, lan, folder);
  const push = await pushOf(files, lan, folder);
  return { ...(broker ? { broker } : {}), ...(push ? { push } : {}) };
}

async function brokerOf(
  files: Files,
  lan: LanConfig,
  folder: string,
): Promise<BrokerAccess | undefined> {
  const { broker: url, username, passwordFile, ca: caFile } = lan;
  if (url === undefined) return undefined;
  const password =
    passwordFile === undefined
      ? undefined
      : await readPassword(files, resolve(folder, passwordFile));
  const ca = caFile === undefined ? undefined : await readGivenFile(files, resolve(folder, caFile));
  return {
    url,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(ca === undefined ? {} : { ca }),
  };
}

async function pushOf(
  files: Files,
  lan: LanConfig,
  folder: string,
): Promise<PushAccess | undefined> {
  const { push, pushUsername: username, pushPasswordFile } = lan;
  const listen = push === undefined ? undefined : parseListenAddress(push);
  if (listen === undefined) return undefined;
  if (username === undefined || pushPasswordFile === undefined) return { listen };
  const password = await readPassword(files, resolve(folder, pushPasswordFile));
  return { listen, login: { username, password } };
}

/** All streams that a sensor's readings may go to: some drivers let parts of it have their own. */
export function streamsOf({ stream, options }: Pick<NamedSensor, "stream" | "options">): string[] {
  const inside = (value: unknown): string[] => {
    if (typeof value !== "object" || value === null) return [];
    return Object.entries(value).flatMap(([name, inner]: [string, unknown]) =>
      name === "stream" && typeof inner === "string" ? [inner] : inside(inner),
    );
  };
  return [stream, ...inside(options)];
}

function tableFaults(lan: LanConfig): LanFault[] {
  const faults: LanFault[] = [];
  const needs = (name: keyof LanConfig, other: keyof LanConfig): void => {
    if (lan[name] !== undefined && lan[other] === undefined)
      faults.push({ path: ["lan", name], message: `it goes with ${other}, which is not set` });
  };
  needs("username", "broker");
  needs("passwordFile", "username");
  needs("pushUsername", "push");
  needs("pushUsername", "pushPasswordFile");
  needs("pushPasswordFile", "pushUsername");
  if (lan.ca !== undefined && !lan.broker?.startsWith("mqtts:"))
    faults.push({ path: ["lan", "ca"], message: "it goes with a broker at mqtts://" });
  return faults;
}

const FORMS: Readonly<Record<LineKind, string>> = {
  serial: "a serial port",
  tcp: "tcp://host:port",
  mqtt: "messages, mqtt:TOPIC",
  push: "pushes, push:BOARD",
};

function formsOf(kinds: readonly LineKind[]): string {
  return kinds.map((kind) => FORMS[kind]).join(" or ");
}

function isBrokerUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password, pathname, search, hash } = new URL(text);
  const isPlain = username + password + search + hash === "" && ["", "/"].includes(pathname);
  return ["mqtt:", "mqtts:"].includes(protocol) && hostname !== "" && isPlain;
}
