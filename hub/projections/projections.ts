/**
 * All projections of one hub: what the API asks, and the mirror.
 */

import type { Clock } from "../../platform/clock.ts";
import type { Files } from "../../platform/files.ts";
import type { Logger } from "../../platform/log.ts";
import type { Random } from "../../platform/random.ts";
import { IndexDb } from "../index-db.ts";
import type { HubLog } from "../log.ts";
import { EntryFeed } from "./entry-feed.ts";
import { InfluxMirror } from "./influx.ts";
import type { MirrorTarget } from "./influx-target.ts";
import { Issuers } from "./issuers.ts";
import { Latest } from "./latest.ts";
import { ProjectionRunner } from "./projection.ts";
import type { ProjectionStatus } from "./projection.ts";
import { Series } from "./series.ts";

/** What projections are made of. */
export interface ProjectionParts {
  readonly log: Pick<HubLog, "state" | "durable" | "entries" | "entry" | "onAccepted">;
  readonly files: Files;
  /** Of the index: a folder of a real disk, which this process owns. */
  readonly indexPath: string;
  /** Of the mirror's cursor. */
  readonly mirrorPath: string;
  /** Absent: no InfluxDB, and nothing lacks. */
  readonly influx?: MirrorTarget | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** What can be thrown away and made again. */
export type Rebuildable = "index" | "influx";

/** See the head of the file. Follows the log from `open` to `close`. */
export class Projections {
  readonly feed: EntryFeed;
  readonly latest: Latest;
  readonly series: Series;
  readonly issuers: Issuers;
  /** Absent where there is no InfluxDB. */
  readonly mirror: InfluxMirror | undefined;
  readonly #db: IndexDb;
  readonly #runners: readonly ProjectionRunner[];

  private constructor(
    made: Pick<Projections, "feed" | "latest" | "series" | "issuers" | "mirror">,
    db: IndexDb,
    parts: ProjectionParts,
  ) {
    this.feed = made.feed;
    this.latest = made.latest;
    this.series = made.series;
    this.issuers = made.issuers;
    this.mirror = made.mirror;
    this.#db = db;
    const { clock, random, logger } = parts;
    const ports = { feed: made.feed, clock, random, logger };
    const all = [made.latest, made.series, made.issuers, ...(made.mirror ? [made.mirror] : [])];
    this.#runners = all.map((projection) => new ProjectionRunner(projection, ports));
  }

  /** Opens all and sets them going. */
  static async open(parts: ProjectionParts): Promise<Projections> {
    const { files, logger, influx } = parts;
    const db = IndexDb.open(parts.indexPath);
    const made = {
      feed: await EntryFeed.open(parts.log),
      latest: await Latest.open(db),
      series: await Series.open(db),
      issuers: await Issuers.open(db),
      mirror:
        influx &&
        (await InfluxMirror.open({ target: influx, files, path: parts.mirrorPath, logger })),
    };
    const projections = new Projections(made, db, parts);
    for (const runner of projections.#runners) runner.start();
    return projections;
  }

  /** How each is doing. */
  status(): ProjectionStatus[] {
    return this.#runners.map((runner) => runner.status());
  }

  /** Throws away and begins to make again; resolves when it is thrown away. Without InfluxDB, `influx` is nothing. */
  async rebuild(what: Rebuildable): Promise<void> {
    for (const runner of this.#runners) {
      const { projection } = runner;
      if (projection instanceof InfluxMirror) {
        if (what === "influx") await runner.rebuild(() => projection.drop());
      } else if (what === "index") await runner.rebuild();
    }
  }

  /** Resolves when all, or those that belong to `what`, have taken what is durable now. Rejects when aborted before. */
  async settled(signal: AbortSignal, what?: Rebuildable): Promise<void> {
    const { size } = this.feed;
    for (const runner of this.#runners) {
      const belongsTo: Rebuildable = runner.projection === this.mirror ? "influx" : "index";
      if (what === undefined || what === belongsTo) await runner.reached(size, signal);
    }
  }

  /** Ends after the steps that are under way. The log must still be open. */
  async close(): Promise<void> {
    await Promise.all(this.#runners.map((runner) => runner.stop()));
    this.feed.close();
    await this.#db.close();
  }
}
