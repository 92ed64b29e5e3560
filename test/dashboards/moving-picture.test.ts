/** The thread that decodes, seen from its owner: answers, no answers, too much to do. */

import { beforeEach, describe, expect, test } from "vitest";
import { MovingPicture } from "../../dashboards/web/cameras/moving-picture.ts";
import type {
  MovingPictureParts,
  PictureReply,
  PictureRequest,
} from "../../dashboards/web/cameras/moving-picture.ts";
import type { Pixels } from "../../dashboards/web/cameras/picture-decoder.ts";
import { ManualTimers } from "./support/manual-timers.ts";

/** A thread that answers when the test says so. */
class ScriptedThread {
  readonly asked: PictureRequest[] = [];
  readonly onReply: (reply: PictureReply) => void;
  isEnded = false;

  constructor(onReply: (reply: PictureReply) => void) {
    this.onReply = onReply;
  }

  ask(request: PictureRequest): void {
    this.asked.push(request);
  }

  end(): void {
    this.isEnded = true;
  }

  /** Answers the oldest request. */
  answer(pictures = 1): void {
    const { packets, isDrawn } = this.asked.shift()!;
    const pixels = isDrawn && pictures > 0 ? PIXELS : undefined;
    this.onReply({ bytes: packets.length, pictures, pixels });
  }
}

const PIXELS: Pixels = { width: 1, height: 1, rgba: new Uint8ClampedArray(4) };
const piece = (bytes = 188): Uint8Array<ArrayBuffer> => new Uint8Array(bytes);

let timers: ManualTimers;
let threads: ScriptedThread[];
let drawn: (Pixels | undefined)[];
let isHopeless: boolean;

function start(changes: Partial<MovingPictureParts> = {}): MovingPicture {
  return new MovingPicture({
    timers,
    start: (onReply) => {
      threads.push(new ScriptedThread(onReply));
      return threads.at(-1)!;
    },
    apartMs: 0,
    onPicture: (pixels) => drawn.push(pixels),
    onHopeless: () => {
      isHopeless = true;
    },
    ...changes,
  });
}

beforeEach(() => {
  timers = new ManualTimers();
  threads = [];
  drawn = [];
  isHopeless = false;
});

describe("a moving picture", () => {
  test("starts its thread with the first packets, and draws what that answers", () => {
    const picture = start();
    expect(threads).toEqual([]);
    picture.take(piece());
    picture.take(piece());
    expect(threads).toHaveLength(1);
    expect(threads[0]!.asked.map(({ isAfterLoss }) => isAfterLoss)).toEqual([false, false]);
    threads[0]!.answer(0);
    threads[0]!.answer(2);
    expect(drawn).toEqual([PIXELS]);
  });

  test("is drawn so far apart as is wanted, and counted all the same", async () => {
    const picture = start({ apartMs: 3_000 });
    for (let i = 0; i < 10; i++) {
      picture.take(piece());
      threads[0]!.answer();
      await timers.advance(500);
    }
    expect(drawn.map((pixels) => pixels !== undefined)).toEqual([
      true,
      ...Array.from({ length: 5 }, () => false),
      true,
      ...Array.from({ length: 3 }, () => false),
    ]);
  });

  test("of a thread that does not answer goes on with another one, from the next whole picture", async () => {
    const picture = start();
    picture.take(piece());
    await timers.advance(2_999);
    expect(threads[0]!.isEnded).toBe(false);
    await timers.advance(1);
    expect(threads[0]!.isEnded).toBe(true);
    picture.take(piece());
    expect(threads[1]!.asked[0]!.isAfterLoss).toBe(true);
    // An answer that was under way is nobody's any more.
    threads[0]!.answer();
    expect(drawn).toEqual([]);
    threads[1]!.answer();
    expect(drawn).toEqual([PIXELS]);
  });

  test("has time for each answer, not for all of them together", async () => {
    const picture = start();
    for (let i = 0; i < 5; i++) picture.take(piece());
    for (let i = 0; i < 5; i++) {
      await timers.advance(2_900);
      threads[0]!.answer();
    }
    await timers.advance(60_000);
    expect([threads.length, threads[0]!.isEnded]).toEqual([1, false]);
  });

  test("is given up when nothing but hanging comes of it, and not otherwise", async () => {
    const picture = start();
    for (let i = 0; i < 5; i++) {
      picture.take(piece());
      await timers.advance(3_000);
      picture.take(piece());
      threads.at(-1)!.answer();
    }
    expect(isHopeless).toBe(false);
    for (let i = 0; i < 3; i++) {
      picture.take(piece());
      await timers.advance(3_000);
    }
    expect(isHopeless).toBe(true);
    const before = threads.length;
    picture.take(piece());
    expect(threads).toHaveLength(before);
  });

  test("leaves out what a slow machine cannot do, and says that something is missing", () => {
    const picture = start();
    for (let i = 0; i < 40; i++) picture.take(piece(65_536));
    const [thread] = threads;
    expect(thread!.asked).toHaveLength(16);
    while (thread!.asked.length > 0) thread!.answer();
    picture.take(piece());
    picture.take(piece());
    expect(thread!.asked.map(({ isAfterLoss }) => isAfterLoss)).toEqual([true, false]);
  });

  test("that was stopped ends its thread, and starts none", async () => {
    const picture = start();
    picture.take(piece());
    picture.stop();
    picture.take(piece());
    await timers.advance(60_000);
    expect([threads.length, threads[0]!.isEnded, isHopeless]).toEqual([1, true, false]);
  });
});
