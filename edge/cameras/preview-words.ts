/**
 * The words of control of `kerbstone.preview.v1` (docs/preview.md), read and written by the edge.
 */

import type { CameraState } from "./preview-source.ts";

/** The subprotocol that both sides of a connection name (RFC 6455, 1.9). */
export const PREVIEW_PROTOCOL = "kerbstone.preview.v1";

/** Of one message with pictures: the camera's number and whole transport packets. */
export const PICTURE_MESSAGE_BYTES_MAX = 65_536;

/** Of one word of the hub's. */
export const ORDER_BYTES_MAX = 1_024;

/** What the hub wants of a camera, by its number in the announcement. */
export interface PreviewOrder {
  readonly order: "start" | "stop";
  readonly index: number;
}

/** Writes the list of cameras; their places are their numbers. */
export function formatAnnouncement(
  cameras: readonly { readonly camera: string; readonly state: CameraState }[],
): string {
  return JSON.stringify({ cameras: cameras.map(({ camera, state }) => ({ camera, state })) });
}

/** Reads an order; `undefined` for what is none, such as a word of a later version. */
export function parseOrder(text: string): PreviewOrder | undefined {
  let word: unknown;
  try {
    word = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof word !== "object" || word === null) return undefined;
  const { start, stop } = word as { start?: unknown; stop?: unknown };
  const order = start === undefined ? "stop" : "start";
  const index = start ?? stop;
  if (!Number.isSafeInteger(index) || (index as number) < 0) return undefined;
  return { order, index: index as number };
}
