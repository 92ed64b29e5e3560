/** Where a hub takes live pictures, seen from its HTTP address (docs/preview.md). */

const PATH = "preview/v1/edge";
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/**
 * Gives the channel's address for `hub.url`, or a sentence that says why there is none.
 *
 * Pictures of people go over TLS, as the login does, but for this very machine.
 */
export function previewUrlOf(hubUrl: string | undefined): { url: string } | { fault: string } {
  if (hubUrl === undefined) {
    return { fault: "live pictures need hub.url, the hub's HTTPS address" };
  }
  const base = new URL(hubUrl.endsWith("/") ? hubUrl : `${hubUrl}/`);
  const isSafe = base.protocol === "https:" || LOOPBACK.test(base.hostname);
  if (!isSafe) {
    return {
      fault: `live pictures go over https only, and hub.url is ${base.protocol}//${base.host}`,
    };
  }
  const url = new URL(PATH, base);
  url.protocol = base.protocol === "https:" ? "wss:" : "ws:";
  return { url: url.href };
}
