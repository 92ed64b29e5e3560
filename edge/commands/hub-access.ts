/** The ways from a device to its hub that its settings give: MQTT for statements, HTTP for questions. */

import { Buffer } from "node:buffer";
import { resolve } from "node:path";
import { connect } from "mqtt";
import { readGivenFile } from "../../platform/given-file.ts";
import { HttpClient } from "../../platform/http-client.ts";
import type { ProgramIo } from "../../platform/lifecycle.ts";
import type { ConnectHub } from "../delivery/hub-connection.ts";
import { askShown, standingOf } from "../delivery/standing.ts";
import type { Standing } from "../delivery/standing.ts";
import { trustingFetch } from "../../platform/trusting-fetch.ts";
import type { EdgeConfig } from "../settings/config.ts";

const LIMIT_MS = 10_000;
/** Of an answer: a hub's word on itself or on a device is far shorter. */
const BYTES_MAX = 65_536;

/** Makes what connects to a device's hub. Rejects with `UserError` where the authority's file is missing. */
export async function hubConnector(
  io: Pick<ProgramIo, "files">,
  { hub }: EdgeConfig,
  folder: string,
): Promise<ConnectHub> {
  const ca = await readAuthority(io, hub, folder);
  const tls = ca === undefined ? {} : { ca: Buffer.from(ca) };
  return (options) => connect(hub.mqtt, { ...options, ...tls });
}

/** Reads the certificate authority's file that the settings name. Rejects with `UserError` where it is missing. */
export async function readAuthority(
  { files }: Pick<ProgramIo, "files">,
  { ca }: EdgeConfig["hub"],
  folder: string,
): Promise<Uint8Array | undefined> {
  return ca === undefined ? undefined : readGivenFile(files, resolve(folder, ca));
}

/** What asks the hub's HTTP server, with one attempt of ten seconds. Rejects with `UserError` where the authority's file is missing. */
export async function hubClient(
  io: Pick<ProgramIo, "files" | "clock" | "random">,
  { hub }: EdgeConfig,
  folder: string,
): Promise<HttpClient> {
  return clientOf(io, await readAuthority(io, hub, folder));
}

/** The same for a device that has no settings yet; `ca` is the authority's PEM, absent for those of the system. */
export function clientOf(
  { clock, random }: Pick<ProgramIo, "clock" | "random">,
  ca: Uint8Array | undefined,
): HttpClient {
  const trust = ca === undefined ? {} : { fetch: trustingFetch(ca) };
  return new HttpClient({
    clock,
    random,
    timeoutMs: LIMIT_MS,
    attemptsMax: 1,
    bytesMax: BYTES_MAX,
    ...trust,
  });
}

/** Asks the hub's HTTP server for the time; a second's grain is enough for a last resort. */
export function timeAsker(
  client: HttpClient,
  url: string,
): (signal: AbortSignal) => Promise<number | undefined> {
  return async (signal) => {
    const { headers } = await client.get(new URL("healthz", withSlash(url)).href, { signal });
    const timeMs = Date.parse(headers.get("date") ?? "");
    return Number.isNaN(timeMs) ? undefined : timeMs;
  };
}

/** Asks the hub's HTTP server how a device stands with it. */
export function standingAsker(
  client: HttpClient,
  url: string,
  device: string,
  kid: string,
): (signal: AbortSignal) => Promise<Standing> {
  return async (signal) => standingOf(await askShown(client, url, device, signal), kid);
}

function withSlash(url: string): string {
  return url.endsWith("/") ? url : `${url}/`;
}
