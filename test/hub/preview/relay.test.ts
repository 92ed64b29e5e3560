/** Who gets which bytes, and when a transcoder runs: named cases, and any order of events. */

import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { PreviewFigures } from "../../../hub/preview/figures.ts";
import { PREVIEW_LIMITS } from "../../../hub/preview/limits.ts";
import type { PreviewLimits } from "../../../hub/preview/limits.ts";
import { Relay } from "../../../hub/preview/relay.ts";
import type { Watching } from "../../../hub/preview/relay.ts";
import { joinBytes } from "../../../ledger/bytes.ts";
import { ManualClock } from "../../../platform/clock.ts";
import {
  associationTable,
  opening,
  PACKET_BYTES,
  picture,
  programMap,
} from "../../support/transport-packets.ts";
import { KeptViewer, NotedEdge } from "../support/preview-ends.ts";

const TABLES = [associationTable(), programMap()];
const KEY = picture({ isKey: true });
const NEXT = picture({ isKey: false });

let clock: ManualClock;
let figures: PreviewFigures;
let relay: Relay;

function make(changes: Partial<PreviewLimits> = {}): void {
  clock = new ManualClock(0);
  figures = new PreviewFigures();
  relay = new Relay({ clock, figures, limits: { ...PREVIEW_LIMITS, ...changes } });
}

beforeEach(() => make());

/** Connects a device with cameras that are all well. */
function connect(device: string, ...cameras: string[]) {
  const link = new NotedEdge();
  const seat = relay.enter(device, link);
  expect(seat.announce(cameras.map((camera) => ({ camera, state: "ok" })))).toBeUndefined();
  return { link, seat };
}

function watch(device: string, camera: string) {
  const link = new KeptViewer();
  const watching = relay.watch(device, camera, link);
  if (typeof watching === "string") throw new Error(watching);
  link.onClose = () => watching.leave();
  return { link, watching };
}

describe("a picture", () => {
  test("is made while somebody looks, and a little longer", async () => {
    const { link } = connect("cam-1", "front", "yard");
    expect(link.orders).toEqual([]);
    const first = watch("cam-1", "yard");
    expect(link.orders).toEqual(["start 1"]);
    const second = watch("cam-1", "yard");
    first.watching.leave();
    first.watching.leave();
    await clock.advance(60_000);
    expect(link.orders).toEqual(["start 1"]);
    second.watching.leave();
    await clock.advance(PREVIEW_LIMITS.lingerMs - 1);
    expect(link.orders).toEqual(["start 1"]);
    const again = watch("cam-1", "yard");
    await clock.advance(60_000);
    expect(link.orders).toEqual(["start 1"]);
    again.watching.leave();
    await clock.advance(PREVIEW_LIMITS.lingerMs);
    expect(link.orders).toEqual(["start 1", "stop 1"]);
    expect([relay.started, relay.viewers]).toEqual([0, 0]);
  });

  test("begins, for each who comes, with the tables and a key picture", () => {
    const { seat } = connect("cam-1", "front");
    const early = watch("cam-1", "front");
    seat.take(0, joinBytes([...TABLES, NEXT, KEY, NEXT]));
    expect(joinBytes(early.link.got)).toEqual(joinBytes([...TABLES, KEY, NEXT]));
    const late = watch("cam-1", "front");
    seat.take(0, joinBytes([NEXT, NEXT]));
    expect(late.link.got).toEqual([]);
    seat.take(0, joinBytes([KEY, NEXT]));
    expect(joinBytes(late.link.got)).toEqual(joinBytes([...TABLES, KEY, NEXT]));
    expect(figures.dropped).toEqual({ slow: 0, budget: 0 });
  });

  test("goes to nobody else: neither another camera's viewer nor another device's", () => {
    const one = connect("cam-1", "front", "yard");
    connect("cam-2", "front");
    const [front, yard, other] = [
      watch("cam-1", "front"),
      watch("cam-1", "yard"),
      watch("cam-2", "front"),
    ];
    one.seat.take(0, opening());
    expect([front.link.bytes > 0, yard.link.bytes, other.link.bytes]).toEqual([true, 0, 0]);
  });

  test("is a view on the bytes that came, and kept by nobody", () => {
    const { seat } = connect("cam-1", "front");
    const { link } = watch("cam-1", "front");
    const message = opening();
    seat.take(0, message);
    expect(link.got.at(-1)!.buffer).toBe(message.buffer);
  });
});

describe("a device", () => {
  test("that goes leaves its viewers waiting, and comes back to them", () => {
    const { seat } = connect("cam-1", "front");
    const { link: viewer } = watch("cam-1", "front");
    seat.take(0, opening());
    seat.leave();
    seat.leave();
    expect(viewer.states).toEqual(["ok", "away"]);
    expect(relay.list(() => true)).toEqual([
      { device: "cam-1", camera: "front", state: "away", viewers: 1 },
    ]);
    const before = viewer.bytes;
    const again = connect("cam-1", "back", "front");
    expect(again.link.orders).toEqual(["start 1"]);
    again.seat.take(1, NEXT);
    expect(viewer.bytes).toBe(before);
    again.seat.take(1, opening());
    expect(viewer.bytes).toBeGreaterThan(before);
    expect(viewer.closed).toBeUndefined();
  });

  test("that comes back without a camera sends home who waits for it", () => {
    connect("cam-1", "front", "yard").seat.leave();
    expect(relay.watch("cam-1", "yard", new KeptViewer())).toBe("no-camera");
    const { seat } = connect("cam-1", "front", "yard");
    const { link } = watch("cam-1", "yard");
    seat.leave();
    connect("cam-1", "front");
    expect(link.closed).toBe("no-camera");
    expect(relay.viewers).toBe(0);
  });

  test("that nobody waits for is forgotten when it goes", () => {
    const { seat } = connect("cam-1", "front");
    const { watching } = watch("cam-1", "front");
    seat.leave();
    expect(relay.list(() => true)).toHaveLength(1);
    watching.leave();
    expect(relay.list(() => true)).toEqual([]);
    expect(relay.hasHadCameras).toBe(true);
  });

  test("has one connection: a newer one replaces the older, which then says nothing more", () => {
    const old = connect("cam-1", "front");
    const { link: viewer } = watch("cam-1", "front");
    const young = connect("cam-1", "front");
    expect(old.link.closed).toBe("replaced");
    expect(young.link.orders).toEqual(["start 0"]);
    expect(old.seat.take(0, opening())).toBeUndefined();
    old.seat.announce([{ camera: "front", state: "offline" }]);
    old.seat.leave();
    expect(viewer.bytes).toBe(0);
    expect(viewer.states).toEqual(["ok", "away", "ok"]);
    expect(relay.edges).toBe(1);
  });

  test("says how its cameras are, and may not change which they are", () => {
    const { seat } = connect("cam-1", "front", "yard");
    const { link } = watch("cam-1", "front");
    const say = (...cameras: [string, string][]) =>
      seat.announce(cameras.map(([camera, state]) => ({ camera, state })));
    expect(say(["front", "offline"], ["yard", "ok"])).toBeUndefined();
    expect(say(["front", "offline"], ["yard", "silent"])).toBeUndefined();
    expect(link.states).toEqual(["ok", "offline"]);
    expect(say(["front", "ok"])).toBe("malformed");
    expect(say(["yard", "ok"], ["front", "ok"])).toBe("malformed");
    expect(say(["front", "ok"], ["yard", "ok"], ["roof", "ok"])).toBe("malformed");
  });

  test.each<[string, number, Uint8Array]>([
    ["a camera that it has not", 2, opening()],
    ["no camera", -1, new Uint8Array(0)],
    ["what is no stream", 0, new Uint8Array(PACKET_BYTES)],
    ["half a packet", 0, opening().subarray(1)],
  ])("that sends %s is cut off", (_name, index, bytes) => {
    const { seat } = connect("cam-1", "front", "yard");
    watch("cam-1", "front");
    expect(seat.take(index, bytes)).toBe("malformed");
  });

  test("that sends pictures before its list is cut off", () => {
    expect(relay.enter("cam-1", new NotedEdge()).take(0, opening())).toBe("malformed");
  });

  test("that sends what nobody asked for is told to stop, and then cut off", async () => {
    const { seat, link } = connect("cam-1", "front");
    link.bearsReminders = true;
    expect(seat.take(0, opening())).toBeUndefined();
    expect(link.orders).toEqual(["stop 0"]);
    await clock.advance(PREVIEW_LIMITS.strayMsMax - 1);
    expect(seat.take(0, opening())).toBeUndefined();
    await clock.advance(1);
    expect(seat.take(0, opening())).toBe("unasked");
    expect(link.orders).toEqual(["stop 0"]);
    expect(figures.strayBytes).toBe(3 * opening().length);
  });

  test("may still send what was on its way when it was told to stop", async () => {
    const { seat, link } = connect("cam-1", "front");
    watch("cam-1", "front").watching.leave();
    await clock.advance(PREVIEW_LIMITS.lingerMs);
    expect(link.orders).toEqual(["start 0", "stop 0"]);
    expect(seat.take(0, opening())).toBeUndefined();
    await clock.advance(PREVIEW_LIMITS.strayMsMax);
    link.bearsReminders = true;
    expect(seat.take(0, opening())).toBeUndefined();
    expect(link.orders).toEqual(["start 0", "stop 0", "stop 0"]);
    const { link: viewer } = watch("cam-1", "front");
    expect(seat.take(0, opening())).toBeUndefined();
    expect(viewer.bytes).toBeGreaterThan(0);
  });
});

describe("a slow viewer", () => {
  test("misses whole pictures, and goes on with a key picture once it has caught up", () => {
    const { seat } = connect("cam-1", "front");
    const { link, watching } = watch("cam-1", "front");
    const { link: quick } = watch("cam-1", "front");
    seat.take(0, opening());
    link.queuedBytes = PREVIEW_LIMITS.queueBytesMax + 1;
    const before = link.bytes;
    seat.take(0, joinBytes([NEXT, KEY]));
    link.queuedBytes = PREVIEW_LIMITS.queueBytesLow + 1;
    seat.take(0, joinBytes([NEXT, KEY]));
    link.queuedBytes = 0;
    seat.take(0, NEXT);
    expect(link.bytes).toBe(before);
    seat.take(0, joinBytes([KEY, NEXT]));
    expect(joinBytes(link.got.slice(-4))).toEqual(joinBytes([...TABLES, KEY, NEXT]));
    expect(watching.view.picturesDropped).toBe(5);
    expect(figures.dropped).toEqual({ slow: 5, budget: 0 });
    expect(quick.bytes).toBe(opening().length + 3 * KEY.length + 4 * NEXT.length);
  });

  test("that never catches up is cut off, and nobody else is", async () => {
    const { seat, link: edge } = connect("cam-1", "front");
    const slow = watch("cam-1", "front");
    const quick = watch("cam-1", "front");
    seat.take(0, opening());
    slow.link.queuedBytes = PREVIEW_LIMITS.queueBytesMax + 1;
    for (let waited = 0; waited <= PREVIEW_LIMITS.lagMsMax; waited += 1000) {
      expect(slow.link.closed).toBeUndefined();
      seat.take(0, KEY);
      await clock.advance(1000);
    }
    seat.take(0, KEY);
    expect(slow.link.closed).toBe("too-slow");
    expect(quick.link.closed).toBeUndefined();
    expect([relay.viewers, edge.orders]).toEqual([1, ["start 0"]]);
  });

  test("that has caught up and only waits for a key picture is not cut off", async () => {
    const { seat } = connect("cam-1", "front");
    const { link } = watch("cam-1", "front");
    seat.take(0, opening());
    link.queuedBytes = PREVIEW_LIMITS.queueBytesMax + 1;
    seat.take(0, NEXT);
    link.queuedBytes = 0;
    await clock.advance(10 * PREVIEW_LIMITS.lagMsMax);
    seat.take(0, NEXT);
    await clock.advance(10 * PREVIEW_LIMITS.lagMsMax);
    seat.take(0, NEXT);
    expect(link.closed).toBeUndefined();
  });

  test("never has more waiting than the bound and one picture, whatever the edge sends", () => {
    const piece = fc.constantFrom(KEY, NEXT, picture({ isKey: true, packets: 200 }), ...TABLES);
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 300 }), (pieces) => {
        make({ pictureBytesMax: 300 * PACKET_BYTES, viewerBytesPerSecondMax: 1e9 });
        const { seat } = connect("cam-1", "front");
        const { link } = watch("cam-1", "front");
        link.isStuck = true;
        for (const bytes of [opening(), ...pieces]) {
          if (seat.take(0, bytes) !== undefined) break;
          expect(link.queuedBytes).toBeLessThanOrEqual(
            PREVIEW_LIMITS.queueBytesMax + 302 * PACKET_BYTES,
          );
        }
      }),
      { numRuns: 50 },
    );
  });

  test("pays with its pictures for what all viewers together may not have", async () => {
    make({ viewerBytesPerSecondMax: 4 * opening().length });
    const { seat } = connect("cam-1", "front");
    const { link } = watch("cam-1", "front");
    for (let i = 0; i < 10; i++) seat.take(0, opening());
    expect(figures.dropped.budget).toBeGreaterThan(0);
    expect(link.bytes).toBeLessThan(6 * opening().length);
    await clock.advance(60_000);
    const before = link.bytes;
    seat.take(0, opening());
    expect(link.bytes).toBeGreaterThan(before);
    expect(link.closed).toBeUndefined();
  });
});

describe("bounds", () => {
  test("on viewers of a camera and of the hub are kept, and free places are given again", () => {
    make({ viewersMax: 3, viewersPerCameraMax: 2 });
    connect("cam-1", "front", "yard");
    const first = watch("cam-1", "front");
    watch("cam-1", "front");
    expect(relay.watch("cam-1", "front", new KeptViewer())).toBe("full");
    watch("cam-1", "yard");
    expect(relay.watch("cam-1", "yard", new KeptViewer())).toBe("full");
    first.watching.leave();
    watch("cam-1", "front");
    expect(relay.viewers).toBe(3);
  });

  test("nobody may see what is not there", () => {
    connect("cam-1", "front");
    expect(relay.watch("cam-1", "yard", new KeptViewer())).toBe("no-camera");
    expect(relay.watch("cam-2", "front", new KeptViewer())).toBe("no-camera");
    expect(relay.list((device) => device === "cam-2")).toEqual([]);
  });

  test("the end is told to all", () => {
    const { link, seat } = connect("cam-1", "front");
    const viewer = watch("cam-1", "front");
    relay.close("stopping");
    seat.leave();
    expect([link.closed, viewer.link.closed]).toEqual(["stopping", "stopping"]);
    expect([relay.edges, relay.viewers]).toEqual([0, 0]);
  });
});

const DEVICES = ["cam-1", "cam-2"];
const CAMERAS = ["front", "yard"];
/** What each camera's pictures are filled with. */
const tagOf = (device: string, camera: string): number =>
  1 + 2 * DEVICES.indexOf(device) + CAMERAS.indexOf(camera);

/** Something that happens to a relay. */
type Step =
  | { do: "connect"; device: string }
  | { do: "go"; device: string }
  | { do: "watch"; device: string; camera: string; isSlow: boolean }
  | { do: "leave"; which: number }
  | { do: "send"; device: string; camera: string; isKey: boolean }
  | { do: "wait"; ms: number };

const device = fc.constantFrom(...DEVICES);
const camera = fc.constantFrom(...CAMERAS);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant("connect" as const), device }),
  fc.record({ do: fc.constant("go" as const), device }),
  fc.record({ do: fc.constant("watch" as const), device, camera, isSlow: fc.boolean() }),
  fc.record({ do: fc.constant("leave" as const), which: fc.nat(9) }),
  fc.record({ do: fc.constant("send" as const), device, camera, isKey: fc.boolean() }),
  fc.record({ do: fc.constant("wait" as const), ms: fc.nat(8_000) }),
);

test("whatever happens: nobody gets another camera's bytes, and starts and stops are balanced", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      make({ viewersMax: 5, viewersPerCameraMax: 3 });
      const edges = new Map<string, ReturnType<typeof connect>>();
      const views: { link: KeptViewer; watching: Watching; device: string; camera: string }[] = [];
      const isLooking = (name: string, its: string): boolean =>
        views.some(
          (view) => view.device === name && view.camera === its && view.link.closed === undefined,
        );
      for (const each of steps) {
        if (each.do === "connect") edges.set(each.device, connect(each.device, ...CAMERAS));
        else if (each.do === "wait") await clock.advance(each.ms);
        else if (each.do === "go") {
          edges.get(each.device)?.seat.leave();
          edges.delete(each.device);
        } else if (each.do === "watch") {
          const link = new KeptViewer();
          link.isStuck = each.isSlow;
          const watching = relay.watch(each.device, each.camera, link);
          if (typeof watching === "string") continue;
          link.onClose = () => watching.leave();
          views.push({ link, watching, device: each.device, camera: each.camera });
        } else if (each.do === "leave") {
          const [view] = views.splice(each.which, 1);
          view?.watching.leave();
        } else {
          // An honest edge sends what it was told to make.
          const index = CAMERAS.indexOf(each.camera);
          const edge = edges.get(each.device);
          if (edge === undefined || !edge.link.started.has(index)) continue;
          const tag = tagOf(each.device, each.camera);
          const message = joinBytes([...TABLES, picture({ isKey: each.isKey, packets: 300 }, tag)]);
          expect(edge.seat.take(index, message)).toBeUndefined();
        }
        expect(relay.viewers).toBeLessThanOrEqual(5);
        for (const [name, { link }] of edges) {
          for (const [index, its] of CAMERAS.entries()) {
            if (isLooking(name, its)) expect(link.started.has(index)).toBe(true);
          }
        }
      }
      for (const { link, device: name, camera: its } of views) {
        const tag = tagOf(name, its);
        for (const bytes of link.got) {
          const last = bytes.at(-1)!;
          // Tables end with their own filler, pictures with their camera's.
          expect([0xff, tag]).toContain(last);
        }
      }
      for (const { watching } of views) watching.leave();
      await clock.advance(PREVIEW_LIMITS.lingerMs);
      expect([relay.viewers, relay.started]).toEqual([0, 0]);
      for (const { link } of edges.values()) expect([...link.started]).toEqual([]);
      for (const { seat } of edges.values()) seat.leave();
      expect(relay.list(() => true)).toEqual([]);
      expect(clock.pending).toBe(0);
    }),
    { numRuns: 150 },
  );
});
