/** What the head of a request for a connection says, as far as the doors look at it. All of it is a stranger's. */

import type { IncomingMessage } from "node:http";
import { PROTOCOL } from "./words.ts";

type Head = Pick<IncomingMessage, "headers">;

/** Whether the request names the protocol that is spoken here (RFC 6455, 4.1). */
export function namesProtocol({ headers }: Head): boolean {
  const named = headers["sec-websocket-protocol"] ?? "";
  return named.split(",").some((each) => each.trim() === PROTOCOL);
}

/** The token of `Authorization: Bearer …` (RFC 6750, 2.1). */
export function bearerOf({ headers }: Head): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(headers.authorization ?? "")?.[1];
}

/**
 * Whether the request comes from a page of this hub's own, or from no page at all.
 *
 * A browser lets any page open a WebSocket to anywhere, and tells by `Origin` whose page it is (RFC 6455, 10.2). A proxy
 * has to leave `Host` as it was asked for.
 */
export function isOwnPage({ headers }: Head): boolean {
  const { origin, host } = headers;
  if (origin === undefined) return true;
  if (host === undefined || !URL.canParse(origin)) return false;
  const page = new URL(origin);
  if (page.protocol !== "http:" && page.protocol !== "https:") return false;
  const own = `${page.protocol}//${host}`;
  return URL.canParse(own) && new URL(own).host === page.host;
}
