/** A mirror's target in memory: keeps points as InfluxDB would, and can be out of order, forgetful or full. */

import type { MirrorField, MirrorPoint } from "../../../hub/projections/influx-point.ts";
import type {
  CountRange,
  MirrorTarget,
  WriteRefused,
} from "../../../hub/projections/influx-target.ts";

/** A point as it is kept: what was written at its time, later fields over earlier ones. */
export type KeptPoint = Record<string, MirrorField["value"]>;

/** See the head of the file. */
export class MemoryTarget implements MirrorTarget {
  name = "memory";
  /** By measurement, device and time; `undefined` where there is no database. */
  points: Map<string, KeptPoint> | undefined;
  /** What the next writes come to; `"lost"`: written, and reported as failed. */
  readonly faults: ("failed" | "lost" | "vanish" | WriteRefused)[] = [];
  /** Points that a refusal leaves out. */
  refuses: (point: MirrorPoint) => boolean = () => true;
  writes = 0;

  ensure(): Promise<"found" | "made"> {
    if (this.points !== undefined) return Promise.resolve("found");
    this.points = new Map();
    return Promise.resolve("made");
  }

  write(points: readonly MirrorPoint[]): Promise<"taken" | WriteRefused> {
    this.writes += 1;
    const fault = this.faults.shift();
    if (fault === "failed") return Promise.reject(new Error("no connection"));
    if (this.points === undefined) return Promise.reject(new Error("no database"));
    if (fault === "vanish") return Promise.resolve("taken");
    const isRefusal = typeof fault === "object";
    for (const point of points) if (!isRefusal || !this.refuses(point)) this.#keep(point);
    if (fault === "lost") return Promise.reject(new Error("the connection broke off"));
    return Promise.resolve(isRefusal ? fault : "taken");
  }

  count(range: CountRange): Promise<number> {
    const kept = [...(this.points ?? [])].filter(([key, fields]) => {
      const [measurement, , time] = key.split(" ");
      const entry = fields["entry"] as number;
      return (
        measurement === range.measurement &&
        Number(time) >= range.fromMs &&
        Number(time) <= range.toMs &&
        entry >= range.firstEntry &&
        entry <= range.lastEntry
      );
    });
    return Promise.resolve(kept.length);
  }

  drop(): Promise<void> {
    this.points = undefined;
    return Promise.resolve();
  }

  #keep({ measurement, device, timeMs, fields }: MirrorPoint): void {
    const key = `${measurement} ${device} ${timeMs}`;
    const own = Object.fromEntries([...fields].map(([name, { value }]) => [name, value]));
    this.points!.set(key, { ...this.points!.get(key), ...own });
  }
}
