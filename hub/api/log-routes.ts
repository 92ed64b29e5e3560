/** The query API's routes about the log: as a whole, blocks, peers, quarantine (docs/formats.md, section 12). */

import { z } from "zod";
import { encodeHex } from "../../ledger/bytes.ts";
import type { HubLog } from "../log.ts";
import { vkeyOfLog } from "../vkey.ts";
import { blockView, forkView, peerViews, quorumView } from "./block-view.ts";
import { deviceKeys } from "./device-view.ts";
import { Problem } from "./problem.ts";
import { cosignedSizeOf } from "./query-parts.ts";
import type { QueryParts } from "./query-parts.ts";
import { refusedView } from "./refused-view.ts";
import { defineRoute } from "./route.ts";
import type { ApiRoute } from "./route.ts";
import { blockSchema, blocksSchema, logSchema, peersSchema, quarantineSchema } from "./schemas.ts";
import type { BlocksView, BlockView, LogView } from "./schemas.ts";

const whole = z.number().int().min(0);

/** Gives the routes. */
export function logRoutes(parts: QueryParts): ApiRoute[] {
  const { log, quarantine, cosigning } = parts;
  return [
    defineRoute({
      path: "/log",
      about: "the log as a whole",
      reply: { kind: "json", schema: logSchema },
      answer: () => logView(parts),
    }),
    defineRoute({
      path: "/blocks",
      about: "sealed blocks, newest first",
      query: {
        before: whole.optional().meta({ description: "only blocks below this height" }),
        limit: z.number().int().min(1).max(500).default(50),
      },
      reply: { kind: "json", schema: blocksSchema },
      answer: (_params, { before, limit }) => blocksBelow(parts, before ?? Infinity, limit),
    }),
    defineRoute({
      path: "/blocks/{height}",
      about: "one block",
      params: { height: whole },
      reply: { kind: "json", schema: blockSchema },
      answer: async ({ height }): Promise<BlockView | Problem> => {
        const block = await log.block(height);
        if (block === undefined) return new Problem("not-found", `there is no block ${height}`);
        return blockView(block, cosigning?.cosigners() ?? []);
      },
    }),
    defineRoute({
      path: "/peers",
      about: "who is to cosign the log, how far each has come, and what was found out",
      reply: { kind: "json", schema: peersSchema },
      answer: () => ({
        quorum: quorumView(cosigning?.policy),
        peers: peerViews(cosigning?.cosigners() ?? [], log),
        forks: log.evidence.list().map(forkView),
      }),
    }),
    defineRoute({
      path: "/quarantine",
      about: "messages that were not admitted, newest first",
      query: { limit: z.number().int().min(1).max(1000).default(100) },
      reply: { kind: "json", schema: quarantineSchema },
      answer: (_params, { limit }) => ({
        items: quarantine.newest(limit).map(refusedView),
        total: quarantine.total,
      }),
    }),
  ];
}

async function logView(parts: QueryParts): Promise<LogView> {
  const { log, clock, mqttPort } = parts;
  const { state, sealedSize } = log;
  const { origin, hub, blockSeconds, registry } = state;
  const newest = await newestBlock(log);
  return {
    origin,
    vkey: vkeyOfLog(state),
    hubKid: hub!.kid,
    blockSeconds,
    size: state.size,
    height: newest.height,
    root: encodeHex(newest.checkpoint.root),
    open: state.size - sealedSize,
    sealedSize,
    cosignedSize: cosignedSizeOf(parts) ?? null,
    nowMs: clock.nowMs(),
    devices: deviceKeys(registry).filter(({ revoked }) => revoked === undefined).length,
    mqttPort: mqttPort ?? null,
    cameras: parts.previews.relay.hasHadCameras,
  };
}

async function newestBlock(
  log: HubLog,
): Promise<NonNullable<Awaited<ReturnType<HubLog["block"]>>>> {
  const block = await log.blockOf(log.sealedSize - 1);
  if (block === undefined) throw new Error("the log lacks its newest block");
  return block;
}

async function blocksBelow(parts: QueryParts, before: number, limit: number): Promise<BlocksView> {
  const { log, cosigning } = parts;
  const cosigners = cosigning?.cosigners() ?? [];
  const top = Math.min(before - 1, (await newestBlock(log)).height);
  const blocks: BlockView[] = [];
  for (let height = top; height >= 0 && blocks.length < limit; height--) {
    const block = await log.block(height);
    if (block !== undefined) blocks.push(blockView(block, cosigners));
  }
  const last = blocks.at(-1)?.height ?? 0;
  return { blocks, next: last > 0 ? last : null };
}
