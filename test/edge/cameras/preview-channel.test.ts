/** The channel from the edge's side: before a hub that does its part, and before hubs that do not. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PreviewChannel } from "../../../edge/cameras/preview-channel.ts";
import type { PreviewChannelParts } from "../../../edge/cameras/preview-channel.ts";
import { PREVIEW_CONNECTION_LIMITS } from "../../../edge/cameras/preview-connection.ts";
import { joinBytes } from "../../../ledger/bytes.ts";
import { ManualClock } from "../../../platform/clock.ts";
import type { Logger } from "../../../platform/log.ts";
import { silentLogger } from "../../../platform/log.ts";
import { seededRandom } from "../../../platform/random.ts";
import { ApiHub } from "../../hub/support/api-hub.ts";
import { ORIGIN, testDevice } from "../../hub/support/devices.ts";
import { openViewer } from "../../hub/support/preview-peers.ts";
import { eventually } from "../../support/process.ts";
import { Scope } from "../../support/scope.ts";
import { opening } from "../../support/transport-packets.ts";
import { ScriptedDoor } from "./scripted-door.ts";
import { ScriptedSource } from "./scripted-source.ts";

const { silenceMsMax, pingEveryMs, handshakeMsMax } = PREVIEW_CONNECTION_LIMITS;

let scope: Scope;
let clock: ManualClock;
let door: ScriptedDoor;
let front: ScriptedSource;
let yard: ScriptedSource;
let channel: PreviewChannel;
let stop: () => Promise<void>;

beforeEach(async () => {
  scope = new Scope();
  clock = new ManualClock(Date.now());
  door = new ScriptedDoor();
  await door.start(scope);
  front = new ScriptedSource("front");
  yard = new ScriptedSource("yard");
});
afterEach(() => scope.end());

function start(changes: Partial<PreviewChannelParts> = {}): void {
  channel = new PreviewChannel({
    device: "cam-1",
    origin: ORIGIN,
    signer: testDevice("cam-1").signer,
    address: { url: door.url },
    sources: [front, yard],
    time: { nowMs: () => clock.nowMs() },
    clock,
    random: seededRandom(3),
    logger: silentLogger,
    ...changes,
  });
  const stopping = new AbortController();
  const running = channel.run(stopping.signal);
  stop = async () => {
    stopping.abort();
    let isOver = false;
    void running.then(() => {
      isOver = true;
    });
    await until("the channel has ended", () => isOver);
  };
  scope.defer(() => stop());
}

/** Lets time pass until something holds; what has to come over a socket gets a little real time as well. */
async function until(what: string, holds: () => boolean, stepMs = 100): Promise<void> {
  const ask = async (): Promise<true | undefined> => {
    if (holds()) return true;
    await clock.advance(stepMs);
    return undefined;
  };
  await eventually(what, ask, 30_000, 2);
}

/** Waits for something without letting time pass. */
const soon = (what: string, holds: () => boolean): Promise<true> =>
  eventually(what, () => (holds() ? true : undefined), 30_000, 2);

const LIST = '{"cameras":[{"camera":"front","state":"ok"},{"camera":"yard","state":"ok"}]}';

describe("the channel", () => {
  test("logs in, says its cameras, and again when one changes, but not more often", async () => {
    start();
    await soon("the list", () => door.texts.length === 1);
    expect(door.texts).toEqual([LIST]);
    const { headers } = door.requests[0]!;
    expect(headers.authorization).toMatch(/^Bearer [\w-]+\.[\w-]+\.[\w-]+$/);
    expect(headers["sec-websocket-protocol"]).toBe("kerbstone.preview.v1");
    expect(headers.origin).toBeUndefined();
    await clock.advance(5_000);
    front.now = "offline";
    await clock.advance(500);
    front.now = "starting";
    await until("the change", () => door.texts.length === 2);
    expect(door.texts[1]).toBe(LIST.replace("ok", "starting"));
    await clock.advance(30_000);
    expect(door.texts).toHaveLength(2);
  });

  test("shows what the hub asks for, under its number, and stops when it is told to", async () => {
    start();
    const hub = await door.connection();
    await soon("the list", () => door.texts.length === 1);
    hub.send('{"start":1}');
    await soon("the start", () => yard.starts === 1);
    yard.give(opening());
    front.give(opening());
    await soon("the picture", () => door.pictures.length > 0);
    expect(joinBytes(door.pictures)).toEqual(joinBytes([Uint8Array.of(1), opening()]));
    expect(channel.status()).toMatchObject({
      isConnected: true,
      bytesSent: opening().length,
      bytesDropped: 0,
      cameras: [
        { camera: "front", state: "ok", isWatched: false },
        { camera: "yard", state: "ok", isWatched: true },
      ],
    });
    hub.send('{"stop":1}');
    await soon("the stop", () => !yard.isRunning);
    expect([front.starts, yard.starts]).toEqual([0, 1]);
  });

  test("ends its pictures with the connection, and begins anew on the next one", async () => {
    start();
    const first = await door.connection();
    first.send('{"start":0}');
    await soon("the start", () => front.isRunning);
    first.terminate();
    await soon("the stop", () => !front.isRunning);
    expect(channel.status()).toMatchObject({ isConnected: false, connections: 1 });
    await until("another connection", () => door.sockets.length === 2);
    await soon("the list", () => door.texts.length === 2);
    expect(front.starts).toBe(1);
    door.sockets[1]!.send('{"start":0}');
    await until("the start", () => front.starts === 2);
  });

  test("stops all of it at the end, and says goodbye", async () => {
    start();
    const hub = await door.connection();
    const code = new Promise((resolve) => hub.once("close", resolve));
    hub.send('{"start":0}');
    await soon("the start", () => front.isRunning);
    await stop();
    expect([front.isRunning, await code]).toEqual([false, 1001]);
    expect(clock.pending).toBe(0);
  });

  test("does not sign a login by a clock that nobody believes", async () => {
    const believed: { nowMs?: number } = {};
    start({ time: { nowMs: () => believed.nowMs } });
    await until("a failure", () => channel.status().connectionsFailed > 2);
    expect(door.requests).toEqual([]);
    believed.nowMs = Date.now();
    await until("a connection", () => channel.status().isConnected);
  });
});

describe("a hub that", () => {
  test.each([401, 404, 302, 500])(
    "answers with %i is asked again, ever more rarely",
    async (status) => {
      door.status = status;
      const lines: string[] = [];
      const note = (_fields: object, message: string): void => void lines.push(message);
      const logger: Logger = { ...silentLogger, warn: note };
      start({ logger });
      const beganMs = clock.monotonicMs();
      await until("eight failures", () => channel.status().connectionsFailed >= 8, 500);
      expect(clock.monotonicMs() - beganMs).toBeGreaterThan(60_000);
      expect(lines).toEqual(["no channel for live pictures"]);
      expect(door.requests.every(({ url }) => url === "/preview/v1/edge")).toBe(true);
    },
  );

  test("never answers is left at the limit", async () => {
    door.status = 0;
    start();
    await soon("the request", () => door.requests.length === 1);
    await clock.advance(handshakeMsMax - 1);
    expect(channel.status().connectionsFailed).toBe(0);
    await clock.advance(1);
    await soon("the failure", () => channel.status().connectionsFailed === 1);
  });

  test("is not there at all is tried again", async () => {
    start({ address: { url: "ws://127.0.0.1:1/preview/v1/edge" } });
    await until("failures", () => channel.status().connectionsFailed > 3);
  });

  test("falls silent in the middle is left, and its pictures end", async () => {
    door.isDeaf = true;
    start();
    const hub = await door.connection();
    hub.send('{"start":0}');
    await soon("the start", () => front.isRunning);
    await clock.advance(silenceMsMax - 1);
    expect(front.isRunning).toBe(true);
    await clock.advance(pingEveryMs);
    await soon("the stop", () => !front.isRunning);
    expect(channel.status().isConnected).toBe(false);
  });

  test("answers pings may have nothing to say for hours", async () => {
    start();
    const hub = await door.connection();
    let pings = 0;
    hub.on("ping", () => (pings += 1));
    let pongs = 0;
    for (let i = 1; i <= 20; i++) {
      await clock.advance(pingEveryMs);
      await soon("the ping", () => pings === i);
      // Whatever was sent before this has arrived when it is answered.
      hub.once("pong", () => (pongs += 1));
      hub.ping();
      await soon("an answer", () => pongs === i);
    }
    expect(channel.status()).toMatchObject({ isConnected: true, connections: 1 });
  });

  test.each<[string, (hub: Awaited<ReturnType<ScriptedDoor["connection"]>>) => void]>([
    ["an order for a camera that is not there", (hub) => hub.send('{"start":2}')],
    ["rubbish", (hub) => hub.send("start everything")],
    ["a word of a later version", (hub) => hub.send('{"zoom":0,"by":2}')],
    ["bytes", (hub) => hub.send(Uint8Array.of(0))],
    ["a stop of what never began", (hub) => hub.send('{"stop":0}')],
  ])("sends %s is borne", async (_name, misbehave) => {
    start();
    const hub = await door.connection();
    misbehave(hub);
    hub.send('{"start":1}');
    await soon("the start", () => yard.isRunning);
    expect([front.starts, yard.starts]).toEqual([0, 1]);
  });

  test("sends too large a word is left", async () => {
    start();
    const hub = await door.connection();
    const code = new Promise((resolve) => hub.once("close", resolve));
    hub.send("x".repeat(2_000));
    expect(await code).toBe(1009);
    await until("another connection", () => door.sockets.length === 2);
  });

  test("does not read costs pictures, and no memory", async () => {
    start();
    const hub = await door.connection();
    hub.send('{"start":0}');
    await soon("the start", () => front.isRunning);
    hub.pause();
    const piece = joinBytes(Array.from({ length: 80 }, () => opening()));
    await soon("pictures are dropped", () => {
      for (let i = 0; i < 10; i++) front.give(piece);
      return channel.status().bytesDropped > 0;
    });
    const { bytesDropped } = channel.status();
    front.give(piece);
    expect(channel.status().bytesDropped).toBe(bytesDropped + piece.length);
    hub.resume();
    await soon("it has caught up", () => {
      const before = channel.status().bytesSent;
      front.give(opening());
      return channel.status().bytesSent > before;
    });
  });

  test("says who else holds this key is not fought with", async () => {
    start();
    for (let i = 1; i <= 6; i++) {
      await until("a connection", () => door.sockets.length === i);
      door.sockets[i - 1]!.close(4004, "replaced");
      await soon("its end", () => !channel.status().isConnected);
    }
    // The waits have grown, although each connection came about.
    expect(clock.monotonicMs()).toBeGreaterThan(12_000);
  });
});

test("before the hub itself, from camera to viewer, and through its restart", async () => {
  const hub = await ApiHub.start(scope);
  await hub.enrol("cam-1");
  const expiresMs = Date.now() + 60_000;
  const token = await hub.services.previews.addViewer({ name: "mara", expiresMs });
  start({ address: { url: `ws://127.0.0.1:${hub.port}/preview/v1/edge` } });
  await soon("the cameras", () => hub.services.previews.relay.hasHadCameras);
  const viewer = await openViewer(scope, hub.port, "cam-1/yard", token);
  await soon("the start", () => yard.isRunning);
  for (let at = 0; at < opening().length; at += 100) yard.give(opening().slice(at, at + 100));
  yard.give(opening());
  await viewer.count(opening().length);
  expect(viewer.bytes.slice(0, opening().length)).toEqual(opening());
  yard.now = "silent";
  await until("the state", () => viewer.texts.some((text) => text.includes('"state":"silent"')));
  await hub.services.close();
  await viewer.closed;
  await soon("the stop", () => !yard.isRunning);
});
