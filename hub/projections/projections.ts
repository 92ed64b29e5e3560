/**
 * All projections of one hub: what the API asks, and the mirror.
 */

import type { Clock } from "../../platform/clock.ts";
import type { Files } from "../../platform/files.ts";
import type { Logger } from "../../platform/log.ts";
import type { Random } from "../../platform/random.ts";
import { IndexDb } from "../index-db.ts";
import type { HubLog } from "../log.ts";
import { Clips } from "./clips.ts";
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
  readonly log: Pick<
    HubLog,
    "state" | "durable" | "entries" | "entry" | "onAccepted" | "openedSize" | "indexedSize"
  >;
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
  readonly clips: Clips;
  /** Absent where there is no InfluxDB. */
  readonly mirror: InfluxMirror | undefined;
  /** Entries that the hub has had, as what was made out of them shows, and has no more since it was started. */
  readonly entriesLost: number;
  readonly #openedSize: number;
  readonly #db: IndexDb;
  readonly #runners: readonly ProjectionRunner[];

  private constructor(
    made: Pick<Projections, "feed" | "latest" | "series" | "issuers" | "clips" | "mirror">,
    db: IndexDb,
    parts: ProjectionParts,
  ) {
    this.feed = made.feed;
    this.latest = made.latest;
    this.series = made.series;
    this.issuers = made.issuers;
    this.clips = made.clips;
    this.mirror = made.mirror;
    this.#db = db;
    const { clock, random, logger } = parts;
    const ports = { feed: made.feed, clock, random, logger };
    const { latest, series, issuers, clips, mirror } = made;
    const all = [latest, series, issuers, clips, ...(mirror ? [mirror] : [])];
    this.#runners = all.map((projection) => new ProjectionRunner(projection, ports));
    const { openedSize, indexedSize } = parts.log;
    const known = all.reduce((most, { cursor }) => Math.max(most, cursor.next), indexedSize);
    this.entriesLost = Math.max(0, known - openedSize);
    this.#openedSize = openedSize;
  }

  /** Opens all and sets them going. */
  static async open(parts: ProjectionParts): Promise<Projections> {
    const { files, logger, influx } = parts;
    const feed = await EntryFeed.open(parts.log);
    const mirror =
      influx &&
      (await InfluxMirror.open({ target: influx, files, path: parts.mirrorPath, logger }));
    const { db, ...indexed } = await IndexDb.openSound(parts.indexPath, logger, async (opened) => ({
      db: opened,
      latest: await Latest.open(opened),
      series: await Series.open(opened),
      issuers: await Issuers.open(opened),
      clips: await Clips.open(opened),
    }));
    const projections = new Projections({ feed, mirror, ...indexed }, db, parts);
    projections.#reportLoss(logger);
    for (const runner of projections.#runners) runner.start();
    return projections;
  }

  /** Says what the disk has lost: nothing else would, since the log itself is whole as far as it goes. */
  #reportLoss(logger: Logger): void {
    if (this.entriesLost === 0) return;
    const fields = { entries: this.entriesLost, from: this.#openedSize };
    logger.error(
      fields,
      `${fields.entries} entries from index ${fields.from} on are lost: they were acknowledged, and the journal no ` +
        "longer holds them. Devices with retention sealed or cosigned send theirs again; enrolments and other " +
        "commands since then have to be given again",
    );
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
