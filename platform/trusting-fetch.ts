/**
 * `fetch` for servers whose certificate a private authority has signed: the built-in one takes no authority of one's own.
 *
 * Requests without redirects, over https alone; what HttpClient needs of `fetch`, and no more.
 */

import { request } from "node:https";
import { Readable } from "node:stream";

/** Statuses whose answers have no body (Fetch Standard, "null body status"). */
const WITHOUT_BODY = new Set([101, 103, 204, 205, 304]);

/**
 * Makes a `fetch` that believes the authorities in `ca` (PEM) and none else. An address that is not https goes to the built-in one.
 *
 * Bodies are text or bytes. Redirects are answers like any other.
 */
export function trustingFetch(ca: Uint8Array): typeof fetch {
  return async (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    if (url.protocol !== "https:") return fetch(input, init);
    const { method = "GET", headers, body, signal } = init;
    return new Promise<Response>((resolve, reject) => {
      const asked = request(url, {
        method,
        headers: Object.fromEntries(new Headers(headers)),
        ca: new TextDecoder().decode(ca),
        agent: false,
        ...(signal ? { signal } : {}),
      });
      asked.once("error", reject);
      asked.once("response", (answer) => {
        const { statusCode: status = 0, rawHeaders } = answer;
        const said = new Headers();
        for (let at = 0; at + 1 < rawHeaders.length; at += 2)
          said.append(rawHeaders[at]!, rawHeaders[at + 1]!);
        const isEmpty = WITHOUT_BODY.has(status);
        if (isEmpty) answer.resume();
        const stream = isEmpty ? null : (Readable.toWeb(answer) as ReadableStream<Uint8Array>);
        resolve(new Response(stream, { status, headers: said }));
      });
      asked.end(body as string | Uint8Array | undefined);
    });
  };
}
