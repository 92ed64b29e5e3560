/**
 * A district: the stations of a scenario, opened together and run together.
 */
import type { Clock } from "../../platform/clock.ts";
import type { Files } from "../../platform/files.ts";
import { UserError } from "../../platform/user-error.ts";
import { City } from "../models/city.ts";
import { CityClock } from "../models/city-clock.ts";
import { type Feed, type FeedSource, loadFeed } from "./feed.ts";
import type { BytesReceived, Outlet } from "../outlet/outlet.ts";
import { openMqttOutlet } from "../outlet/mqtt.ts";
import { openPushOutlet } from "../outlet/push.ts";
import { openSerialOutlet } from "../outlet/serial.ts";
import { openTcpOutlet } from "../outlet/tcp.ts";
import { Station, type StationParts } from "./station.ts";
import type { Scenario, StationPlan } from "../scenario/station-plan.ts";
import type { Presence } from "../boards/board.ts";
import { makeBoard, makeMessageBoard, speaksInMessages } from "../boards/workshop.ts";

/** What a district needs of the world. */
export interface DistrictParts {
  readonly seed: number | string;
  readonly clock: Clock;
  readonly files: Files;
  /** Where relative paths of recordings begin. */
  readonly folder: string;
}

/** How a station's run ended: well, or with the error of its line. */
export interface StationEnd {
  readonly station: Station;
  readonly error?: Error;
}

/** Stations whose outlets are open. */
export class District {
  readonly stations: readonly Station[];

  private constructor(stations: readonly Station[]) {
    this.stations = stations;
  }

  /**
   * Loads all recordings, then opens all outlets.
   *
   * Rejects with one `UserError` that names every recording that cannot be played, or the first outlet that cannot be
   * opened; nothing stays open then.
   */
  static async open(scenario: Scenario, parts: DistrictParts): Promise<District> {
    const city = new City({ ...scenario.city, seed: parts.seed });
    const clock = new CityClock(parts.clock, scenario.startMs, scenario.speed);
    const feeds = await loadFeeds(scenario.stations, { ...parts, city, speed: scenario.speed });
    const stations: Station[] = [];
    try {
      for (const [plan, feed] of feeds) stations.push(await openStation(plan, feed, city, clock));
    } catch (error) {
      await Promise.all(stations.map((station) => station.close()));
      throw error;
    }
    return new District(stations);
  }

  /**
   * Runs all stations until the signal, or until all have ended by themselves. Never rejects.
   *
   * A station that loses its line does not stop the others; `ended` is told of each as it ends.
   */
  run(signal: AbortSignal, ended: (end: StationEnd) => void): Promise<StationEnd[]> {
    return Promise.all(
      this.stations.map(async (station) => {
        const end = await station.run(signal).then(
          (): StationEnd => ({ station }),
          (cause: unknown): StationEnd => ({
            station,
            error: cause instanceof Error ? cause : new Error(String(cause)),
          }),
        );
        ended(end);
        return end;
      }),
    );
  }
}

async function loadFeeds(
  plans: readonly StationPlan[],
  source: FeedSource,
): Promise<[StationPlan, Feed][]> {
  const loaded = await Promise.all(
    plans.map(async (plan) => [plan, await loadFeed(plan, source)] as const),
  );
  const faults = loaded.flatMap(([plan, feed]) =>
    Array.isArray(feed) ? feed.map((fault) => `${plan.name}: ${fault}`) : [],
  );
  if (faults.length > 0) throw new UserError(faults.join("\n"));
  return loaded.flatMap(([plan, feed]) =>
    Array.isArray(feed) ? [] : [[plan, feed] as [StationPlan, Feed]],
  );
}

async function openStation(
  plan: StationPlan,
  feed: Feed,
  city: City,
  clock: CityClock,
): Promise<Station> {
  const boards = boardOf(plan, city);
  try {
    return await Station.open({
      plan,
      ...boards,
      feed,
      clock,
      random: city.random(`faults/${plan.name}`),
      openOutlet: (received) =>
        openOutlet(plan.outlet, received, clock.clock, boards.messages?.presence),
    });
  } catch (cause) {
    const place = placeOf(plan.outlet);
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UserError(`${plan.name}: ${place} cannot be opened: ${reason}`, { cause });
  }
}

/** Makes what a plan has on its line, if it has any. */
function boardOf(plan: StationPlan, city: City): Pick<StationParts, "board" | "messages"> {
  const { board: name, details, outlet } = plan;
  if (name === undefined) return {};
  const random = city.random(`board/${plan.name}`);
  if (!speaksInMessages(name)) return { board: makeBoard(name, details, random) };
  const topic = outlet.kind === "mqtt" ? outlet.topic : plan.name;
  return { messages: makeMessageBoard(name, details, topic, random) };
}

function openOutlet(
  place: StationPlan["outlet"],
  received: BytesReceived,
  clock: Clock,
  presence: Presence | undefined,
): Promise<Outlet> {
  switch (place.kind) {
    case "tcp":
      return openTcpOutlet(place, received, clock);
    case "serial":
      return openSerialOutlet(place, received, clock);
    case "mqtt":
      return openMqttOutlet(place, presence, clock);
    case "push":
      return openPushOutlet(place, clock);
  }
}

/** An outlet in words. */
function placeOf(outlet: StationPlan["outlet"]): string {
  switch (outlet.kind) {
    case "tcp":
      return `${outlet.host}:${outlet.port}`;
    case "serial":
      return outlet.path;
    case "mqtt":
      return outlet.broker;
    case "push":
      return outlet.url;
  }
}
