/** The query API's routes about entries and their proofs. */

import { z } from "zod";
import { entryView } from "./entry-view.ts";
import { Problem } from "./problem.ts";
import { cosignedSizeOf } from "./query-parts.ts";
import type { QueryParts } from "./query-parts.ts";
import { nameParameter } from "./parameters.ts";
import { defineRoute } from "./route.ts";
import type { ApiRoute } from "./route.ts";
import { entriesSchema, entrySchema } from "./schemas.ts";
import type { EntriesView, EntryView } from "./schemas.ts";

const index = z.number().int().min(0);

/** Gives the routes. */
export function entryRoutes(parts: QueryParts): ApiRoute[] {
  const { proofs } = parts;
  return [
    defineRoute({
      path: "/entries",
      about: "entries in the order of the log, of one name or of all",
      query: {
        device: nameParameter.optional().meta({ description: "only what this name has signed" }),
        after: index.optional().meta({ description: "only entries behind this index" }),
        limit: z.number().int().min(1).max(200).default(50),
      },
      reply: { kind: "json", schema: entriesSchema },
      answer: (_params, { device, after, limit }) =>
        entriesFrom(parts, device, after === undefined ? 0 : after + 1, limit),
    }),
    defineRoute({
      path: "/entries/{index}",
      about: "one entry",
      params: { index },
      reply: { kind: "json", schema: entrySchema },
      answer: async (params): Promise<EntryView | Problem> =>
        (await entryAt(parts, params.index)) ??
        new Problem("not-found", `there is no entry ${params.index}`),
    }),
    defineRoute({
      path: "/entries/{index}/proof",
      about: "the proof that the entry is in the log, as a tlog-proof",
      params: { index },
      needsSeal: true,
      reply: {
        kind: "file",
        contentType: "text/plain; charset=utf-8",
        about: "c2sp.org/tlog-proof",
      },
      answer: (params) => proofs.proof(params.index),
    }),
    defineRoute({
      path: "/entries/{index}/receipt",
      about: "the proof that the entry is in the log, as a COSE receipt",
      params: { index },
      needsSeal: true,
      reply: { kind: "file", contentType: "application/cose", about: "RFC 9942" },
      answer: (params) => proofs.receipt(params.index),
    }),
    defineRoute({
      path: "/entries/{index}/evidence",
      about: "all that a stranger needs to check the entry offline",
      params: { index },
      needsSeal: true,
      reply: {
        kind: "file",
        contentType: "application/json; charset=utf-8",
        about: "an evidence file, version 1",
      },
      answer: (params) => proofs.evidence(params.index),
    }),
  ];
}

async function entryAt(parts: QueryParts, at: number): Promise<EntryView | undefined> {
  const bytes = await parts.log.entry(at);
  return bytes && entryView(at, bytes, parts.log, cosignedSizeOf(parts));
}

async function entriesFrom(
  parts: QueryParts,
  device: string | undefined,
  from: number,
  limit: number,
): Promise<EntriesView> {
  const { log, projections } = parts;
  // One more than asked for tells whether there is a next part.
  const to = Math.min(log.state.size, from + limit + 1);
  const indexes =
    device === undefined
      ? Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i)
      : projections.issuers.entriesOf(device, from, limit + 1);
  const entries: EntryView[] = [];
  for (const at of indexes.slice(0, limit)) {
    const entry = await entryAt(parts, at);
    if (entry !== undefined) entries.push(entry);
  }
  const next = indexes.length > limit ? (entries.at(-1)?.index ?? null) : null;
  return { entries, next };
}
