/**
 * What a hub offers beside admission: projections, mirror, HTTP. Built on a running hub, and without any hold on it.
 */

import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { tilePath } from "../ledger/tile.ts";
import type { Clock } from "../platform/clock.ts";
import type { Files } from "../platform/files.ts";
import type { Logger } from "../platform/log.ts";
import type { Random } from "../platform/random.ts";
import { EventStream, EVENT_STREAM_LIMITS } from "./api/event-stream.ts";
import type { EventStreamLimits } from "./api/event-stream.ts";
import type { PageFiles } from "./api/page-files.ts";
import { Proofs } from "./api/proofs.ts";
import { hubServer } from "./api/server.ts";
import type { ServerLimits } from "./api/server.ts";
import type { Cosigning } from "./cosigning.ts";
import { HubEvents } from "./events.ts";
import type { Hub } from "./hub.ts";
import type { PublishedLog } from "./log-files.ts";
import type { HubLog } from "./log.ts";
import type { HubMetrics } from "./metrics.ts";
import type { PreviewLimits } from "./preview/limits.ts";
import { Previews } from "./preview/previews.ts";
import type { MirrorTarget } from "./projections/influx-target.ts";
import { Projections } from "./projections/projections.ts";
import { layoutOf } from "./store/layout.ts";

/** What services are made of. */
export interface ServicesParts {
  readonly hub: Hub;
  readonly files: Files;
  /** The data folder. */
  readonly folder: string;
  /** Of the projections' index: a folder of a real disk, by default in the data folder. */
  readonly indexPath?: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Counted elsewhere too; closed here. */
  readonly metrics: HubMetrics;
  /** Absent without a policy. */
  readonly cosigning?: Cosigning | undefined;
  /** Absent without an InfluxDB. */
  readonly influx?: MirrorTarget | undefined;
  readonly page: PageFiles;
  /** Where devices connect, if they do so here. */
  readonly mqttPort?: number | undefined;
  readonly streamLimits?: EventStreamLimits | undefined;
  readonly serverLimits?: ServerLimits | undefined;
  readonly previewLimits?: PreviewLimits | undefined;
}

/** See the head of the file. */
export class HubServices {
  readonly projections: Projections;
  readonly events: HubEvents;
  readonly stream: EventStream;
  readonly previews: Previews;
  readonly #server: FastifyInstance;
  readonly #metrics: HubMetrics;

  private constructor(
    made: Pick<HubServices, "projections" | "events" | "stream" | "previews">,
    server: FastifyInstance,
    metrics: HubMetrics,
  ) {
    this.projections = made.projections;
    this.events = made.events;
    this.stream = made.stream;
    this.previews = made.previews;
    this.#server = server;
    this.#metrics = metrics;
  }

  /** Begins everything; nothing is served before `listen`. */
  static async open(parts: ServicesParts): Promise<HubServices> {
    const { hub, files, folder, clock, random, logger, cosigning, metrics } = parts;
    const { log, presence, quarantine, pipeline } = hub;
    const projections = await Projections.open({
      log,
      files,
      indexPath: parts.indexPath ?? projectionsPath(folder),
      mirrorPath: mirrorCursorPath(folder),
      influx: parts.influx,
      clock,
      random,
      logger,
    });
    const { feed } = projections;
    const events = new HubEvents({ feed, log, cosigning, presence, quarantine });
    const limits = parts.streamLimits ?? EVENT_STREAM_LIMITS;
    const stream = new EventStream({ events, log, cosigning, clock }, limits);
    const readers = stream;
    const previews = await Previews.open({
      files,
      folder,
      origin: log.state.origin,
      clock,
      random,
      logger,
      liveKey: (name) => log.state.registry.liveKey(name),
      limits: parts.previewLimits,
    });
    hub.onRevoked((kid) => previews.cut(kid));
    metrics.watch({
      log,
      presence,
      quarantine,
      pipeline,
      cosigning,
      projections,
      events,
      readers,
      previews,
    });
    let hasFailed = false;
    hub.failure.catch(() => {
      hasFailed = true;
    });
    const cosigned = cosigning?.hasQuorum === true ? cosigning : undefined;
    const server = hubServer({
      log,
      presence,
      quarantine,
      pipeline,
      cosigning,
      projections,
      stream,
      previews,
      metrics,
      clock,
      logger,
      page: parts.page,
      mqttPort: parts.mqttPort,
      proofs: new Proofs({ log, cosigned, nowMs: () => clock.nowMs() }),
      published: publishedLog(log, cosigned, files, folder),
      isReady: () => !hasFailed,
      limits: parts.serverLimits,
    });
    return new HubServices({ projections, events, stream, previews }, server, metrics);
  }

  /** Listens; gives the port. Rejects where that cannot be had. */
  async listen(host: string, port: number): Promise<number> {
    await this.#server.listen({ host, port });
    const address = this.#server.server.address();
    return typeof address === "object" ? (address?.port ?? port) : port;
  }

  /** Ends all connections, then the projections. The hub's log must still be open. */
  async close(): Promise<void> {
    this.stream.close();
    // The server does not know of connections that were upgraded, and would wait for them.
    this.previews.close();
    await this.#server.close();
    this.events.close();
    await this.projections.close();
    this.#metrics.close();
  }
}

/** Where the index of the projections lies in a data folder. */
export function projectionsPath(folder: string): string {
  return join(folder, "index", "projections");
}

/** Where the mirror's cursor lies in a data folder: not in the index, so that losing that costs no second mirroring. */
export function mirrorCursorPath(folder: string): string {
  return join(folder, "mirror", "influx");
}

/** The log's files as they are served: which checkpoint is everybody's, the quorum decides. */
function publishedLog(
  log: HubLog,
  cosigned: Cosigning | undefined,
  files: Files,
  folder: string,
): PublishedLog {
  const { log: logFolder } = layoutOf(folder);
  const pending = (): string | undefined => log.checkpointAt(log.sealedSize);
  return {
    pending,
    checkpoint: () => {
      if (cosigned === undefined) return pending();
      const size = cosigned.cosignedSize();
      return size === undefined ? undefined : cosigned.noteAt(size);
    },
    tile: (tile) => files.read(join(logFolder, tilePath(tile))),
  };
}
