/** The hub's stream of events by the browser's own EventSource. */

import { EVENT_NAMES, readEvent } from "../api/event.ts";
import type { OpenStream } from "./live-link.ts";

const ADDRESS = "/api/v1/events";

/** Opens the stream. EventSource's own way of reconnecting is not used: link.ts decides when. */
export const openEventSource: OpenStream = (listener) => {
  const source = new EventSource(ADDRESS);
  source.addEventListener("open", () => listener.opened());
  source.addEventListener("error", () => {
    source.close();
    listener.broken();
  });
  for (const name of EVENT_NAMES) {
    source.addEventListener(name, (message: MessageEvent<unknown>) => {
      listener.told(typeof message.data === "string" ? readEvent(name, message.data) : undefined);
    });
  }
  return () => source.close();
};
