/**
 * What feeds a station: a model, a recording or a capture, loaded and ready to play.
 */
import { resolve } from "node:path";
import { decodeUtf8 } from "../../ledger/bytes.ts";
import type { Files } from "../../platform/files.ts";
import { needRegularFile } from "../../platform/given-file.ts";
import type { City } from "../models/city.ts";
import type { Model } from "../models/model.ts";
import { type CapturedChunk, pacedCapture, pacedDump, parseHexDump } from "../replay/capture.ts";
import { Recording } from "../replay/recording.ts";
import type { CaptureFeed, ReplayFeed, BoardPlan } from "../scenario/station-plan.ts";
import { BOARDS } from "../boards/workshop.ts";

/** A feed that can be played. Recordings and captures begin anew each time they are asked for their parts. */
export type Feed =
  | { readonly kind: "model"; readonly model: Model }
  | {
      readonly kind: "replay";
      readonly recording: Recording;
      readonly speed: number;
      readonly loop: boolean;
    }
  | {
      readonly kind: "capture";
      readonly chunks: () => Iterable<CapturedChunk>;
      readonly speed: number;
      readonly loop: boolean;
    };

/** Where feeds come from. Relative paths begin at `folder`. */
export interface FeedSource {
  readonly city: City;
  /** Seconds of the city that pass in one. */
  readonly speed: number;
  readonly files: Files;
  readonly folder: string;
}

/** Loads a station's feed. Gives a sentence for each reason why it cannot be played; disk errors are thrown. */
export async function loadFeed(plan: BoardPlan, source: FeedSource): Promise<Feed | string[]> {
  switch (plan.feed.kind) {
    case "model": {
      const { lat = 0, lon = 0, name } = plan;
      const intervalMs = plan.everySeconds * 1000 * source.speed;
      return {
        kind: "model",
        model: source.city.model({ ...plan.feed, name, lat, lon, intervalMs }),
      };
    }
    case "replay":
      return loadRecording(plan, plan.feed, source);
    case "capture":
      return loadCapture(plan.feed, source);
  }
}

async function loadRecording(
  plan: BoardPlan,
  feed: ReplayFeed,
  source: FeedSource,
): Promise<Feed | string[]> {
  const path = resolve(source.folder, feed.file);
  await needRegularFile(source.files, path);
  const bytes = await source.files.read(path);
  if (bytes === undefined) return [`there is no file ${feed.file}`];
  const text = decodeUtf8(bytes);
  if (text === undefined) return [`${feed.file} is no UTF-8 text`];
  const required = plan.board === undefined ? [] : BOARDS[plan.board].required;
  const recording = Recording.open(text, { ...feed, required });
  if (Array.isArray(recording)) return recording.map((fault) => `${feed.file}: ${fault}`);
  return { kind: "replay", recording, speed: feed.speed, loop: feed.loop };
}

async function loadCapture(feed: CaptureFeed, source: FeedSource): Promise<Feed | string[]> {
  const path = resolve(source.folder, feed.file);
  await needRegularFile(source.files, path);
  const bytes = await source.files.read(path);
  if (bytes === undefined) return [`there is no file ${feed.file}`];
  const { speed, loop } = feed;
  if (feed.format === "bytes") {
    if (bytes.length === 0) return [`${feed.file} is empty`];
    return { kind: "capture", chunks: () => pacedCapture(bytes, feed.baud), speed, loop };
  }
  const lines = parseHexDump(decodeUtf8(bytes) ?? "");
  if (typeof lines === "string") return [`${feed.file}: ${lines}`];
  return { kind: "capture", chunks: () => pacedDump(lines, feed.stepMs), speed, loop };
}
