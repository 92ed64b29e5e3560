/** The query API's routes about devices and what they measured. */

import { z } from "zod";
import type { LatestValue } from "../projections/latest.ts";
import { deviceKey, deviceKeys, deviceView, latestViews } from "./device-view.ts";
import { Problem } from "./problem.ts";
import { deviceFacts } from "./query-parts.ts";
import type { QueryParts } from "./query-parts.ts";
import { nameParameter, timeParameter } from "./parameters.ts";
import { defineRoute } from "./route.ts";
import type { ApiRoute } from "./route.ts";
import { allLatestSchema, deviceSchema, devicesSchema, seriesSchema } from "./schemas.ts";
import type { DeviceView, SeriesView } from "./schemas.ts";

/** Later than anything that a log may hold. */
const NEVER_MS = 8_640_000_000_000_000;

/** Gives the routes. */
export function deviceRoutes(parts: QueryParts): ApiRoute[] {
  const { log } = parts;
  return [
    defineRoute({
      path: "/devices",
      about: "all devices with their newest values; each name once",
      reply: { kind: "json", schema: devicesSchema },
      answer: () => {
        const facts = deviceFacts(parts);
        return { devices: deviceKeys(log.state.registry).map((key) => deviceView(key, facts)) };
      },
    }),
    defineRoute({
      path: "/devices/{name}",
      about: "one device",
      params: { name: nameParameter },
      reply: { kind: "json", schema: deviceSchema },
      answer: (params): DeviceView | Problem => {
        const key = deviceKey(log.state.registry, params.name);
        return key === undefined ? noDevice(params.name) : deviceView(key, deviceFacts(parts));
      },
    }),
    defineRoute({
      path: "/latest",
      about: "the newest value of every quantity",
      reply: { kind: "json", schema: allLatestSchema },
      answer: () => {
        const facts = deviceFacts(parts);
        const devices = [...parts.projections.latest.devices()];
        return {
          latest: devices.flatMap((device) =>
            latestViews(device, facts).map((latest) => ({ device, ...latest })),
          ),
        };
      },
    }),
    defineRoute({
      path: "/series",
      about: "all values of a quantity between two times",
      query: {
        device: nameParameter,
        quantity: nameParameter.meta({ examples: ["pm25"] }),
        stream: nameParameter
          .optional()
          .meta({ description: "unless given, the first stream of the device that has it" }),
        fromMs: timeParameter.default(0),
        toMs: timeParameter.default(NEVER_MS).meta({ description: "not included" }),
        limit: z.number().int().min(1).max(10_000).default(1000).meta({
          description: "values wanted; those of one millisecond always come together",
        }),
      },
      reply: { kind: "json", schema: seriesSchema },
      answer: (_params, query) => series(parts, query),
    }),
  ];
}

function noDevice(device: string): Problem {
  return new Problem("not-found", `no device ${device} is enrolled`);
}

async function series(
  parts: QueryParts,
  query: {
    readonly device: string;
    readonly quantity: string;
    readonly stream?: string | undefined;
    readonly fromMs: number;
    readonly toMs: number;
    readonly limit: number;
  },
): Promise<SeriesView | Problem> {
  const { device, quantity } = query;
  if (deviceKey(parts.log.state.registry, device) === undefined) return noDevice(device);
  const latest = parts.projections.latest.of(device);
  const stream = query.stream ?? streamOf(latest, quantity);
  if (stream === undefined) {
    return { device, stream: null, quantity, unit: null, points: [], faults: [], next: null };
  }
  const page = await parts.projections.series.query({ ...query, stream });
  return {
    device,
    stream,
    quantity,
    unit: page.points.at(-1)?.unit ?? null,
    points: page.points.map((point) => [point.timeMs, point.value, point.entry] as const),
    faults: page.points.flatMap(({ isFault }, i) => (isFault ? [i] : [])),
    next: page.nextMs ?? null,
  };
}

function streamOf(latest: readonly LatestValue[], quantity: string): string | undefined {
  const streams = latest.filter((each) => each.quantity === quantity).map(({ stream }) => stream);
  return streams.sort()[0];
}
