/**
 * The boards that can be simulated, by name, and how each is made.
 */
import type { Random } from "../platform/random.ts";
import type { Board } from "./board.ts";
import { LineBoard } from "./boards/line-board.ts";
import { NMEA_DIALECTS, type NmeaDialectName, NmeaGpsBoard } from "./boards/nmea-gps.ts";
import { Sds011Board } from "./boards/sds011.ts";
import type { ModelName } from "./city.ts";

/** The name of a board. */
export type BoardName = "sds011" | "nmea-gps" | "line-board";

/** What is known of a board without its plan. */
interface BoardSort {
  /** The model that feeds it when nothing is said. */
  readonly model?: ModelName;
  /** Quantities without which it has nothing to send. */
  readonly required: readonly string[];
  readonly everySeconds: number;
}

/** All boards. */
export const BOARDS: Readonly<Record<BoardName, BoardSort>> = {
  sds011: { model: "air", required: ["pm25", "pm10"], everySeconds: 1 },
  "nmea-gps": { model: "position", required: ["lat", "lon"], everySeconds: 1 },
  "line-board": { required: [], everySeconds: 10 },
};

/** The names of all boards. */
export const BOARD_NAMES: readonly BoardName[] = Object.keys(BOARDS) as BoardName[];

/** What can be said of one board; what is missing is drawn or left as usual. */
export interface BoardDetails {
  /** Two bytes, for an SDS011. */
  readonly id?: number;
  readonly dialect?: NmeaDialectName;
  /** What a line board reports, in this order; everything that is measured without. */
  readonly quantities?: readonly string[];
}

/** Makes a board. Draws from `random` only what `details` leave open. */
export function makeBoard(name: BoardName, details: BoardDetails, random: Random): Board {
  switch (name) {
    case "sds011":
      return new Sds011Board({
        id: details.id ?? Math.floor(random.unit() * 0xffff),
        firmware: [18, 11, 16],
      });
    case "nmea-gps":
      return new NmeaGpsBoard(NMEA_DIALECTS[details.dialect ?? "ublox"]);
    case "line-board":
      return new LineBoard(details.quantities);
  }
}
