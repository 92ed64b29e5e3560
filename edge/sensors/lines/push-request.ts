/**
 * What a push says, and of which board it is: the part of push-server.ts that knows no sockets. Pure.
 *
 * A board names itself in the header `X-Sensor`, as all airRohr boards do, or by `esp8266id` in the body. `X-Pin` says of
 * which of its sensors the push is, where it sends one for each.
 */

import { createHash, timingSafeEqual } from "node:crypto";
import { decodeUtf8 } from "../../../ledger/bytes.ts";
import { formatMessage, PIN_MARK } from "../framers/message.ts";
import { isBoardId } from "./address.ts";

/** The headers that count, as Node gives them. */
export interface PushHeaders {
  readonly "x-sensor"?: string | string[] | undefined;
  readonly "x-pin"?: string | string[] | undefined;
  readonly authorization?: string | undefined;
}

/** A push that can be handed to a line. */
export interface Push {
  readonly board: string;
  /** The message, as a line takes it. */
  readonly line: Uint8Array;
}

/** How a push is answered, and why. */
export interface PushAnswer {
  readonly status: (typeof PUSH_STATUSES)[number];
  readonly text: string;
}

/** All answers: taken, wrong login, unknown board, no push, too slow, too long, not understood, too many. */
export const PUSH_STATUSES = [200, 401, 403, 405, 408, 413, 422, 429] as const;

/** Bytes of the longest body. */
export const BODY_BYTES_MAX = 16_384;

/** Reads a push; gives the answer where it is none. */
export function parsePush(headers: PushHeaders, body: Uint8Array): Push | PushAnswer {
  const said = parseObject(body);
  if (said === undefined) return refuse("the body is no JSON object");
  const named = headers["x-sensor"];
  const id = said["esp8266id"];
  const own = typeof id === "string" || typeof id === "number" ? String(id) : undefined;
  const board = typeof named === "string" ? named.trim() : own && `esp8266-${own}`;
  if (board === undefined)
    return refuse(
      "which board is it? There is neither a header X-Sensor nor esp8266id in the body",
    );
  if (!isBoardId(board)) return refuse("the board's id is not made of letters, digits, -, . and _");
  // A DIY board may name itself as it likes; one that names itself twice has to mean the same.
  if (own !== undefined && board !== own && !board.endsWith(`-${own}`))
    return refuse("X-Sensor and esp8266id name two boards");
  const pin = headers["x-pin"];
  if (pin !== undefined && !(typeof pin === "string" && /^\d{1,3}$/.test(pin)))
    return refuse("X-Pin is no number");
  const line = formatMessage(pin === undefined ? board : board + PIN_MARK + pin, body);
  return line === undefined ? refuse("the body is nested too deeply") : { board, line };
}

/** Says whether the header of HTTP Basic (RFC 7617) names this user and password, in a time that does not tell how nearly. */
export function isLoggedIn(
  { authorization = "" }: PushHeaders,
  { username, password }: { readonly username: string; readonly password: string },
): boolean {
  const given = /^basic +([A-Za-z0-9+/=]+) *$/i.exec(authorization)?.[1] ?? "";
  const digestOf = (text: string): Uint8Array => createHash("sha256").update(text).digest();
  const wanted = btoa(unescapeUtf8(`${username}:${password}`));
  return timingSafeEqual(digestOf(given), digestOf(wanted));
}

/** The bytes of a text in UTF-8, a character each, as `btoa` wants them. */
function unescapeUtf8(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}

function parseObject(body: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(decodeUtf8(body) ?? "");
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}

function refuse(text: string): PushAnswer {
  return { status: 422, text };
}
