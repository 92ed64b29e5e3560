/** What the cameras' part needs of the browser: requests with a token, WebSockets, a drawer of this tab, motion, sight. */

import type { FetchWithToken } from "./camera-list.ts";
import type { OpenViewerSocket } from "./camera-watch.ts";
import type { MovingPictureParts, PictureReply } from "./moving-picture.ts";
import { VIEWER_TOKEN } from "./token-name.ts";

const PROTOCOL = "kerbstone.preview.v1";

export const fetchWithToken: FetchWithToken = (path, { signal, headers }) =>
  fetch(path, { signal, headers, cache: "no-store" });

export const openViewerSocket: OpenViewerSocket = (path, events) => {
  // Addresses of WebSockets could not be relative until lately.
  const address = new URL(path, location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(address, PROTOCOL);
  socket.binaryType = "arraybuffer";
  socket.addEventListener("open", () => events.opened());
  socket.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
    if (data instanceof ArrayBuffer) events.bytes(new Uint8Array(data));
    else if (typeof data === "string") events.text(data);
  });
  socket.addEventListener("close", ({ code }) => events.closed(code), { once: true });
  return socket;
};

/** Starts a thread that decodes. Its program is the largest part of all this, and loaded only here. */
export const startPictureThread: MovingPictureParts["start"] = (onReply) => {
  const worker = new Worker(new URL("./picture-worker.ts", import.meta.url), { type: "module" });
  worker.addEventListener("message", ({ data }: MessageEvent<PictureReply>) => onReply(data));
  return {
    ask: (request) => worker.postMessage(request, [request.packets.buffer]),
    end: () => worker.terminate(),
  };
};

/** The token, kept for this tab only. Where the browser forbids that, it is kept until the page is left. */
export const tokenDrawer = {
  get(): string | undefined {
    try {
      return sessionStorage.getItem(VIEWER_TOKEN) ?? undefined;
    } catch {
      return undefined;
    }
  },
  put(token: string | undefined): void {
    try {
      if (token === undefined) sessionStorage.removeItem(VIEWER_TOKEN);
      else sessionStorage.setItem(VIEWER_TOKEN, token);
    } catch {
      // Whoever has the page open has it in memory.
    }
  },
};

/** Whether the person has asked for less motion. */
export function wantsStillness(): boolean {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
