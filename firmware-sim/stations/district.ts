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
import type { FlashImage } from "../avr/intel-hex.ts";
import { type Feed, type FeedSource, loadFeed } from "./feed.ts";
import { loadFirmware } from "./firmware-file.ts";
import { FirmwareStation } from "./firmware-station.ts";
import type { BytesReceived, Outlet } from "../outlet/outlet.ts";
import { openMqttOutlet } from "../outlet/mqtt.ts";
import { openPtyOutlet } from "../outlet/pty.ts";
import { openPushOutlet } from "../outlet/push.ts";
import { openSerialOutlet } from "../outlet/serial.ts";
import { openTcpOutlet } from "../outlet/tcp.ts";
import { BoardStation } from "./board-station.ts";
import { CameraStation } from "./camera-station.ts";
import type { Station } from "./station.ts";
import type {
  BoardPlan,
  CameraPlan,
  FirmwarePlan,
  MessageOutletPlan,
  OutletPlan,
  Scenario,
  StationPlan,
} from "../scenario/station-plan.ts";
import type { MessageBoard } from "../boards/board.ts";
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
    const loaded = await loadFiles(scenario.stations, { ...parts, city, speed: scenario.speed });
    const stations: Station[] = [];
    try {
      for (const plan of scenario.stations)
        stations.push(await openStation(plan, loaded, { city, clock, folder: parts.folder }));
    } catch (error) {
      await Promise.all(stations.map((station) => station.close()));
      throw error;
    }
    return new District(stations);
  }

  /**
   * Runs all stations until the signal, or until all have ended by themselves. Never rejects.
   *
   * A station that loses its line does not stop the others; `ended` is told of each as it ends, and `noticed` what people
   * should know of it before that.
   */
  run(
    signal: AbortSignal,
    ended: (end: StationEnd) => void,
    noticed: (station: Station, sentence: string) => void = () => undefined,
  ): Promise<StationEnd[]> {
    return Promise.all(
      this.stations.map(async (station) => {
        const end = await station
          .run(signal, (sentence) => noticed(station, sentence))
          .then(
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

/** What was read from files, by plan. */
interface LoadedFiles {
  readonly feeds: ReadonlyMap<BoardPlan, Feed>;
  readonly images: ReadonlyMap<FirmwarePlan, FlashImage>;
}

/** Loads what feeds the boards, and the firmware. */
async function loadFiles(plans: readonly StationPlan[], source: FeedSource): Promise<LoadedFiles> {
  const boards = plans.filter((plan) => plan.kind === "board");
  const chips = plans.filter((plan) => plan.kind === "firmware");
  const [feeds, images] = await Promise.all([
    loadEach(boards, (plan) => loadFeed(plan, source)),
    loadEach(chips, (plan) => loadFirmware(plan, source)),
  ]);
  const faults = [...feeds.faults, ...images.faults];
  if (faults.length > 0) throw new UserError(faults.join("\n"));
  return { feeds: feeds.loaded, images: images.loaded };
}

/** Loads something for each plan; a sentence for each reason why it cannot be had, with the station's name. */
async function loadEach<Plan extends StationPlan, T extends object>(
  plans: readonly Plan[],
  load: (plan: Plan) => Promise<T | string[]>,
): Promise<{ loaded: Map<Plan, T>; faults: string[] }> {
  const loaded = new Map<Plan, T>();
  const results = await Promise.all(plans.map(async (plan) => [plan, await load(plan)] as const));
  const faults = results.flatMap(([plan, result]) => {
    if (Array.isArray(result)) return result.map((fault) => `${plan.name}: ${fault}`);
    loaded.set(plan, result);
    return [];
  });
  return { loaded, faults };
}

/** What the stations of a district share. */
interface Surroundings {
  readonly city: City;
  readonly clock: CityClock;
  readonly folder: string;
}

function openStation(
  plan: StationPlan,
  loaded: LoadedFiles,
  around: Surroundings,
): Promise<Station> {
  switch (plan.kind) {
    case "camera":
      return openCamera(plan, around);
    case "firmware":
      return openFirmware(plan, loaded.images.get(plan), around);
    case "board":
      return openBoard(plan, loaded.feeds.get(plan), around);
  }
}

async function openBoard(
  plan: BoardPlan,
  feed: Feed | undefined,
  { city, clock, folder }: Surroundings,
): Promise<Station> {
  if (feed === undefined) throw new Error("a board has no feed");
  const { name, board, details, outlet } = plan;
  const random = city.random(`faults/${name}`);
  const ofBoard = city.random(`board/${name}`);
  const shared = { plan, feed, clock, random };
  const around = { clock: clock.clock, folder };
  if (outlet.kind === "mqtt" || outlet.kind === "push") {
    if (board === undefined || !speaksInMessages(board))
      throw new Error("a board that was checked before does not send messages");
    const topic = outlet.kind === "mqtt" ? outlet.topic : name;
    const messages = makeMessageBoard(board, details, topic, ofBoard);
    const openOutlet = (): Promise<Outlet> => openMessages(plan, outlet, messages, clock.clock);
    return BoardStation.open({ ...shared, messages, openOutlet });
  }
  const onLine =
    board === undefined || speaksInMessages(board)
      ? {}
      : { board: makeBoard(board, details, ofBoard) };
  const openOutlet = (received: BytesReceived): Promise<Outlet> =>
    openLine(plan, outlet, received, around);
  return BoardStation.open({ ...shared, ...onLine, openOutlet });
}

async function openFirmware(
  plan: FirmwarePlan,
  image: FlashImage | undefined,
  { city, clock, folder }: Surroundings,
): Promise<Station> {
  if (image === undefined) throw new Error("a processor has no firmware");
  const { name, lat = 0, lon = 0, feed } = plan;
  return FirmwareStation.open({
    plan,
    image,
    model: city.model({ ...feed, name, lat, lon, intervalMs: 1000 }),
    clock,
    random: city.random(`faults/${name}`),
    chipRandom: city.random(`firmware/${name}`),
    openOutlet: (received) => openLine(plan, plan.outlet, received, { clock: clock.clock, folder }),
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

function openLine(
  plan: StationPlan,
  outlet: OutletPlan,
  received: BytesReceived,
  { clock, folder }: { readonly clock: Clock; readonly folder: string },
): Promise<Outlet> {
  const place = outlet.kind === "tcp" ? `${outlet.host}:${outlet.port}` : outlet.path;
  return openPlace(plan, place, () => {
    switch (outlet.kind) {
      case "tcp":
        return openTcpOutlet(outlet, received, clock);
      case "serial":
        return openSerialOutlet(outlet, received, clock);
      case "pty":
        return openPtyOutlet({ path: resolve(folder, outlet.path) }, received, clock);
    }
  });
}

function openMessages(
  plan: StationPlan,
  outlet: MessageOutletPlan,
  { presence }: MessageBoard,
  clock: Clock,
): Promise<Outlet> {
  return outlet.kind === "mqtt"
    ? openPlace(plan, outlet.broker, () => openMqttOutlet(outlet, presence, clock))
    : openPlace(plan, outlet.url, () => openPushOutlet(outlet, clock));
}
