/** Live pictures as figures for Prometheus, beside those of metrics.ts. Labels are closed lists, never names. */

import { Counter, Gauge } from "prom-client";
import type { Registry } from "prom-client";
import type { DropReason } from "./figures.ts";
import type { Previews } from "./previews.ts";

const PREFIX = "kerbstone_hub_preview_";
const DROP_REASONS: readonly DropReason[] = ["slow", "budget"];

/** Adds the figures to a registry; they are read when they are asked for. */
export function registerPreviews(registry: Registry, { relay, figures }: Previews): void {
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number): void => {
    const own: Gauge = new Gauge({
      name: PREFIX + name,
      help,
      registers,
      collect: () => own.set(read()),
    });
  };
  const total = (name: string, help: string, read: () => number): void => {
    const own: Counter = new Counter({
      name: `${PREFIX}${name}_total`,
      help,
      registers,
      collect: () => {
        own.reset();
        own.inc(read());
      },
    });
  };
  gauge("edges", "Devices connected with cameras.", () => relay.edges);
  gauge("viewers", "Viewers that look now.", () => relay.viewers);
  gauge("cameras_started", "Cameras that make pictures for viewers.", () => relay.started);
  total("views", "Views that were begun.", () => figures.views);
  total("view_seconds", "Duration of all views that are over.", () => figures.viewMs / 1000);
  total("received_bytes", "Bytes of pictures from devices.", () => figures.bytesIn);
  total("unasked_bytes", "Of these, bytes that nobody had asked for.", () => figures.strayBytes);
  total("sent_bytes", "Bytes of pictures to viewers.", () => figures.bytesOut);
  const dropped = new Counter({
    name: `${PREFIX}pictures_dropped_total`,
    help: "Pictures left out: of a slow viewer, or beyond what all viewers may have.",
    labelNames: ["reason"],
    registers,
    collect: () => {
      dropped.reset();
      for (const reason of DROP_REASONS) dropped.inc({ reason }, figures.dropped[reason]);
    },
  });
  const refused = new Counter({
    name: `${PREFIX}refused_total`,
    help: "Connections refused or ended by the hub, by side and reason.",
    labelNames: ["side", "reason"],
    registers,
    collect: () => {
      refused.reset();
      for (const { door, reason, n } of figures.refused) refused.inc({ side: door, reason }, n);
    },
  });
}
