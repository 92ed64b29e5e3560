/** The query API's routes about recordings: their fingerprints, never their pictures. */

import { z } from "zod";
import { levelOf } from "../level.ts";
import type { ClipPlace, FoundClip } from "../projections/clips.ts";
import { deviceKey } from "./device-view.ts";
import { Problem } from "./problem.ts";
import { cosignedSizeOf } from "./query-parts.ts";
import type { QueryParts } from "./query-parts.ts";
import { nameParameter, timeParameter } from "./parameters.ts";
import { defineRoute } from "./route.ts";
import type { ApiRoute } from "./route.ts";
import { clipSchema, clipsSchema } from "./schemas.ts";
import type { ClipsView, ClipView } from "./schemas.ts";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "expected 64 hex digits in lower case");

/** Later than anything that dates can say. */
const NEVER_MS = 8_640_000_000_000_000;

/** Gives the routes. */
export function clipRoutes(parts: QueryParts): ApiRoute[] {
  const { log, projections } = parts;
  return [
    defineRoute({
      path: "/clips/{sha256}",
      about: "the clip of a recording, by the SHA-256 of its bytes: of several the first",
      params: { sha256 },
      reply: { kind: "json", schema: clipSchema },
      answer: (params): ClipView | Problem => {
        const found = projections.clips.byHash(params.sha256);
        if (found !== undefined) return viewOf(found, parts);
        const text = "nobody has signed a recording with this SHA-256 in this log";
        return new Problem("not-found", text);
      },
    }),
    defineRoute({
      path: "/devices/{name}/clips",
      about: "what a device has recorded, in the order in which recordings end",
      params: { name: nameParameter },
      query: {
        fromMs: timeParameter.default(0).meta({ description: "only what ends after it" }),
        toMs: timeParameter.default(NEVER_MS).meta({ description: "only what begins before it" }),
        after: z
          .string()
          .regex(/^\d{1,16}-\d{1,16}$/, "expected next of the answer before")
          .optional()
          .meta({ description: "goes on where the answer before ended: its next" }),
        limit: z.number().int().min(1).max(1_000).default(100),
      },
      reply: { kind: "json", schema: clipsSchema },
      answer: (params, { fromMs, toMs, after, limit }): ClipsView | Problem => {
        const { name: device } = params;
        if (deviceKey(log.state.registry, device) === undefined) {
          return new Problem("not-found", `no device ${device} is enrolled`);
        }
        const place = after === undefined ? undefined : placeOf(after);
        const page = projections.clips.query({ device, fromMs, toMs, after: place, limit });
        return {
          clips: page.clips.map((clip) => viewOf(clip, parts)),
          next: page.next === undefined ? null : `${page.next.toMs}-${page.next.entry}`,
        };
      },
    }),
  ];
}

function viewOf(clip: FoundClip, parts: QueryParts): ClipView {
  return { ...clip, level: levelOf(clip.entry, parts.log, cosignedSizeOf(parts)) };
}

function placeOf(text: string): ClipPlace {
  const [toMs = 0, entry = 0] = text.split("-").map(Number);
  return { toMs, entry };
}
