/** A program that plays a camera through a door: how the two end together. */

import type { Clock } from "../../platform/clock.ts";
import { STOP_LIMIT_MS, stopChild } from "./child.ts";
import type { Child, ChildExit } from "./child.ts";
import type { CameraAccess } from "./rtsp/camera-access.ts";
import type { Door, DoorEnding } from "./rtsp/rtsp-door.ts";

/** How it ended on both sides. */
export interface PlayerEnd {
  readonly exit: ChildExit;
  readonly door: DoorEnding;
  /** Whether we have ended it. */
  readonly isCut: boolean;
}

/**
 * Waits until the player has ended, and the door is closed.
 *
 * Where the camera ends first, the player comes to the end of its input and may finish what it writes; where `cut`
 * settles first, it is asked to end at once. Either way it is killed when it does not.
 */
export async function endOfPlayer(
  door: Door,
  child: Child,
  cut: Promise<unknown>,
  clock: Clock,
): Promise<PlayerEnd> {
  const isCut = await Promise.race([
    child.exited.then(() => false),
    door.ended.then(() => false),
    cut.then(() => true),
  ]);
  if (!isCut) await endsWithin(child, STOP_LIMIT_MS, clock);
  const exit = await stopChild(child, clock);
  door.close();
  return { exit, door: await door.ended, isCut };
}

/** Settles when the signal is aborted. For signals that do not live longer than what waits for them. */
export function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}

/** Why there is no player, by the system's code. */
export function notStarted(ffmpeg: string, code: string): string {
  return code === "ENOENT"
    ? `there is no ${ffmpeg}: install it, or give its path as ffmpeg`
    : `${ffmpeg} does not start (${code})`;
}

/** A player's words with the camera's address in place of the door's, whose word is nobody's business. */
export function withoutDoor(
  text: string,
  { playerUrl }: Pick<Door, "playerUrl">,
  { address }: Pick<CameraAccess, "address">,
): string {
  // A camera may name the whole address in its answers, and so tell it to the player.
  return text.replaceAll(playerUrl, address.shown).replaceAll(address.url, address.shown);
}

/** Waits for the end of a child, but not for longer than that. */
async function endsWithin(child: Child, ms: number, clock: Clock): Promise<void> {
  const limit = new AbortController();
  void child.exited.then(() => limit.abort());
  await clock.sleep(ms, limit.signal).catch(() => undefined);
}
