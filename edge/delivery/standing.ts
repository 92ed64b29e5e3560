/**
 * How a device stands with its hub, asked over HTTP where the login was refused: a broker says no more than "no".
 *
 * The answer is not signed, so nothing is done by it: it is told to people, who then know whom to ask.
 */

import { z } from "zod";
import { decodeUtf8 } from "../../ledger/bytes.ts";
import type { HttpClient } from "../../platform/http-client.ts";

/**
 * `enrolled`: the hub has this very key for the name. `revoked`: it had. `other-key`: the name has another key. `unknown`: nobody of
 * this name is enrolled.
 */
export const STANDINGS = ["enrolled", "revoked", "other-key", "unknown"] as const;

export type Standing = (typeof STANDINGS)[number];

/** A device as its hub shows it. */
export interface ShownDevice {
  /** 16 hex digits. */
  readonly kid: string;
  readonly revoked: boolean;
  readonly streams: readonly string[];
  readonly everySeconds: number;
  readonly owner: string | null;
  readonly lat: number | null;
  readonly lon: number | null;
  readonly model: string | null;
}

const shape = z.object({
  kid: z.string(),
  revoked: z.boolean(),
  streams: z.array(z.string()),
  everySeconds: z.number().int().min(1),
  owner: z.string().nullable(),
  lat: z.number().nullable(),
  lon: z.number().nullable(),
  model: z.string().nullable(),
});

/**
 * Asks the hub at `url` for a device; `"unknown"` where it has none of that name. Rejects with `HttpFailure` where there is no
 * answer, and with `Error` where it is no hub's.
 */
export async function askShown(
  client: HttpClient,
  url: string,
  device: string,
  signal: AbortSignal,
): Promise<ShownDevice | "unknown"> {
  const address = `${url.replace(/\/$/, "")}/api/v1/devices/${device}`;
  const reply = await client.get(address, { signal });
  if (reply.status === 404) return "unknown";
  const shown = shape.safeParse(parseJson(decodeUtf8(reply.body) ?? ""));
  if (reply.status !== 200 || !shown.success) throw new Error(`${address} is no hub's answer`);
  return shown.data;
}

/** Says how a key stands by what the hub shows under its device's name. */
export function standingOf(shown: ShownDevice | "unknown", kid: string): Standing {
  if (shown === "unknown") return "unknown";
  if (shown.kid !== kid) return "other-key";
  return shown.revoked ? "revoked" : "enrolled";
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
