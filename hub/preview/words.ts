/**
 * The words of control of `kerbstone.preview.v1` (docs/preview.md): JSON in text frames, read and written by the hub.
 *
 * What comes in is a stranger's or a device's; it is read here once, and is a typed value or nothing.
 */

import { z } from "zod";
import { isName } from "../../ledger/name.ts";
import type { AnnouncedCamera } from "./edge-seat.ts";

/** The subprotocol that both sides of a connection name (RFC 6455, 1.9). */
export const PROTOCOL = "kerbstone.preview.v1";

/** How an edge says that a camera is. */
export const CAMERA_STATES = [
  "no-ffmpeg",
  "refused",
  "offline",
  "silent",
  "starting",
  "ok",
] as const;

const announcement = z.strictObject({
  cameras: z
    .array(
      z.strictObject({
        camera: z.string().refine(isName),
        state: z.enum(CAMERA_STATES),
      }),
    )
    .min(1),
});

/** Reads an edge's list of cameras, whose names differ; `undefined` where it is none, or has more than `camerasMax`. */
export function parseAnnouncement(
  text: string,
  camerasMax: number,
): readonly AnnouncedCamera[] | undefined {
  const parsed = announcement.safeParse(parseJson(text));
  if (!parsed.success) return undefined;
  const { cameras } = parsed.data;
  const names = new Set(cameras.map(({ camera }) => camera));
  return cameras.length <= camerasMax && names.size === cameras.length ? cameras : undefined;
}

/** Writes what an edge is to do with a camera. */
export function formatOrder(order: "start" | "stop", index: number): string {
  return JSON.stringify({ [order]: index });
}

const login = z.strictObject({ token: z.string() });

/** Reads a viewer's first word: its token, of whatever form; `undefined` where it is none. */
export function parseLogin(text: string): string | undefined {
  return login.safeParse(parseJson(text)).data?.token;
}

/** Writes how a camera is, for its viewers. */
export function formatState(device: string, camera: string, state: string): string {
  return JSON.stringify({ device, camera, state });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
