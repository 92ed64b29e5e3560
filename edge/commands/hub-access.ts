/** The ways from a device to its hub that its settings give: MQTT for statements, HTTP for questions. */

import { Buffer } from "node:buffer";
import { resolve } from "node:path";
import { connect } from "mqtt";
import { HttpClient } from "../../platform/http-client.ts";
import type { ProgramIo } from "../../platform/lifecycle.ts";
import { UserError } from "../../platform/user-error.ts";
import type { ConnectHub } from "../delivery/hub-connection.ts";
import { askShown, standingOf } from "../delivery/standing.ts";
import type { Standing } from "../delivery/standing.ts";
import type { EdgeConfig } from "../settings/config.ts";

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
  if (ca === undefined) return undefined;
  const path = resolve(folder, ca);
  const pem = await files.read(path);
  if (pem === undefined) throw new UserError(`There is no file ${path}.`);
  return pem;
}

/** Asks the hub's HTTP server for the time; a second's grain is enough for a last resort. */
export function timeAsker(
  { clock, random }: Pick<ProgramIo, "clock" | "random">,
  url: string,
): (signal: AbortSignal) => Promise<number | undefined> {
  const client = new HttpClient({ clock, random, timeoutMs: 10_000, attemptsMax: 1 });
  return async (signal) => {
    const { headers } = await client.get(new URL("healthz", withSlash(url)).href, { signal });
    const timeMs = Date.parse(headers.get("date") ?? "");
    return Number.isNaN(timeMs) ? undefined : timeMs;
  };
}

/** Asks the hub's HTTP server how a device stands with it. */
export function standingAsker(
  { clock, random }: Pick<ProgramIo, "clock" | "random">,
  url: string,
  device: string,
  kid: string,
): (signal: AbortSignal) => Promise<Standing> {
  const client = new HttpClient({ clock, random, timeoutMs: 10_000, attemptsMax: 1 });
  return async (signal) => standingOf(await askShown(client, url, device, signal), kid);
}

function withSlash(url: string): string {
  return url.endsWith("/") ? url : `${url}/`;
}
