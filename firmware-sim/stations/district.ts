/**
 * A district: the stations of a scenario, opened together and run together.
 */
import { resolve } from "node:path";
import type { Clock } from "../../platform/clock.ts";
import type { Files } from "../../platform/files.ts";
import { UserError } from "../../platform/user-error.ts";
import { CameraServer } from "../camera/camera-server.ts";
import { openFfmpegVideo } from "../camera/ffmpeg-video.ts";
import { City } from "../models/city.ts";
import { CityClock } from "../models/city-clock.ts";
import { type Feed, type FeedSource, loadFeed } from "./feed.ts";
import type { BytesReceived, Outlet } from "../outlet/outlet.ts";
import { openPtyOutlet } from "../outlet/pty.ts";
import { openSerialOutlet } from "../outlet/serial.ts";
import { openTcpOutlet } from "../outlet/tcp.ts";
import { BoardStation } from "./board-station.ts";
import { CameraStation } from "./camera-station.ts";
import type { Station } from "./station.ts";
import type {
  BoardPlan,
  CameraPlan,
  OutletPlan,
  Scenario,
  StationPlan,
} from "../scenario/station-plan.ts";
import { makeBoard } from "../boards/workshop.ts";

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
      for (const plan of scenario.stations)
        stations.push(await openStation(plan, feeds, { city, clock, folder: parts.folder }));
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

/** Loads what feeds the boards, by plan. */
async function loadFeeds(
  plans: readonly StationPlan[],
  source: FeedSource,
): Promise<Map<BoardPlan, Feed>> {
  const boards = plans.filter((plan) => plan.kind === "board");
  const loaded = await Promise.all(
    boards.map(async (plan) => [plan, await loadFeed(plan, source)] as const),
  );
  const faults = loaded.flatMap(([plan, feed]) =>
    Array.isArray(feed) ? feed.map((fault) => `${plan.name}: ${fault}`) : [],
  );
  if (faults.length > 0) throw new UserError(faults.join("\n"));
  return new Map(
    loaded.flatMap(([plan, feed]) => (Array.isArray(feed) ? [] : [[plan, feed] as const])),
  );
}

/** What the stations of a district share. */
interface Surroundings {
  readonly city: City;
  readonly clock: CityClock;
  readonly folder: string;
}

function openStation(
  plan: StationPlan,
  feeds: ReadonlyMap<BoardPlan, Feed>,
  around: Surroundings,
): Promise<Station> {
  if (plan.kind === "camera") return openCamera(plan, around);
  const feed = feeds.get(plan);
  if (feed === undefined) throw new Error("a board has no feed");
  return openBoard(plan, feed, around);
}

async function openBoard(
  plan: BoardPlan,
  feed: Feed,
  { city, clock, folder }: Surroundings,
): Promise<Station> {
  const board =
    plan.board === undefined
      ? undefined
      : makeBoard(plan.board, plan.details, city.random(`board/${plan.name}`));
  const { outlet } = plan;
  const place = outlet.kind === "tcp" ? `${outlet.host}:${outlet.port}` : outlet.path;
  return BoardStation.open({
    plan,
    ...(board === undefined ? {} : { board }),
    feed,
    clock,
    random: city.random(`faults/${plan.name}`),
    openOutlet: (received) =>
      openPlace(plan, place, () => openOutlet(outlet, received, { clock: clock.clock, folder })),
  });
}

async function openCamera(
  plan: CameraPlan,
  { city, clock: { clock }, folder }: Surroundings,
): Promise<Station> {
  const { name, place, video, login } = plan;
  const random = city.random(`camera/${name}`);
  const file = video.file === undefined ? {} : { file: resolve(folder, video.file) };
  return CameraStation.open({
    plan,
    clock,
    openServer: () =>
      openPlace(plan, `${place.host}:${place.port}`, () =>
        CameraServer.open({ place, clock, random, ...(login === undefined ? {} : { login }) }),
      ),
    openVideo: (made) =>
      openFfmpegVideo({ ...video, ...file }, made, { clock, random }).catch((cause: unknown) => {
        if (!(cause instanceof UserError)) throw cause;
        throw new UserError(`${name}: ${cause.message}`, { cause, ...hintOf(cause) });
      }),
  });
}

/** Opens what a station is reached by; says where it is when that fails. */
async function openPlace<T>(plan: StationPlan, place: string, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UserError(`${plan.name}: ${place} cannot be opened: ${reason}`, {
      cause,
      ...hintOf(cause),
    });
  }
}

function hintOf(cause: unknown): { hint?: string } {
  const hint = cause instanceof UserError ? cause.hint : undefined;
  return hint === undefined ? {} : { hint };
}

function openOutlet(
  place: OutletPlan,
  received: BytesReceived,
  { clock, folder }: { readonly clock: Clock; readonly folder: string },
): Promise<Outlet> {
  switch (place.kind) {
    case "tcp":
      return openTcpOutlet(place, received, clock);
    case "serial":
      return openSerialOutlet(place, received, clock);
    case "pty":
      return openPtyOutlet({ path: resolve(folder, place.path) }, received, clock);
  }
}
