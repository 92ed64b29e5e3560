/** Both doors over real sockets: those who may come in, those who may not, and those who misbehave inside. */

import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import type { Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PREVIEW_LIMITS } from "../../../hub/preview/limits.ts";
import type { PreviewLimits } from "../../../hub/preview/limits.ts";
import { decodeHex, joinBytes } from "../../../ledger/bytes.ts";
import { encodeRevoke } from "../../../ledger/kinds/revoke.ts";
import { ManualClock } from "../../../platform/clock.ts";
import { eventually } from "../../support/process.ts";
import { Scope } from "../../support/scope.ts";
import { associationTable, opening, picture, programMap } from "../../support/transport-packets.ts";
import { ApiHub } from "../support/api-hub.ts";
import type { HttpAnswer } from "../support/api-hub.ts";
import { testDevice } from "../support/devices.ts";
import { accepted } from "../support/log-bench.ts";
import {
  deviceToken,
  drained,
  openEdge,
  openPeer,
  openViewer,
  PROTOCOL,
  showCameras,
  upgradeRequest,
} from "../support/preview-peers.ts";
import type { PreviewPeer } from "../support/preview-peers.ts";

const DAY_MS = 86_400_000;

let scope: Scope;
let clock: ManualClock;
let hub: ApiHub;
let token: string;

beforeEach(() => {
  scope = new Scope();
});
afterEach(() => scope.end());

/** Starts a hub whose previews have a clock that the test moves, with one device and one viewer. */
async function start(limits: Partial<PreviewLimits> = {}): Promise<void> {
  clock = new ManualClock(Date.now());
  hub = await ApiHub.start(scope, {
    clock,
    previewLimits: { ...PREVIEW_LIMITS, ...limits },
  });
  await hub.enrol("cam-1");
  token = await addViewer("mara");
}

const addViewer = (name: string, devices?: string[], forMs = DAY_MS): Promise<string> => {
  const expiresMs = clock.nowMs() + forMs;
  return hub.services.previews.addViewer({ name, devices, expiresMs });
};

/** Connects a device with cameras, and waits until the hub knows them. */
async function show(device: string, ...names: string[]): ReturnType<typeof showCameras> {
  const edge = await showCameras(scope, hub.port, device, ...names);
  const { relay } = hub.services.previews;
  const isKnown = (): boolean => {
    const listed = relay.list((each) => each === device);
    return listed.length === names.length && listed.every(({ state }) => state === "ok");
  };
  await eventually(`the cameras of ${device}`, () => (isKnown() ? true : undefined));
  return edge;
}

const cameras = (bearer: string, headers = {}): Promise<HttpAnswer> =>
  hub.get("/preview/v1/cameras", { authorization: `Bearer ${bearer}`, ...headers });

const figure = async (name: string): Promise<number> => {
  const { text } = await hub.get("/metrics");
  const line = text.split("\n").find((each) => each.startsWith(`kerbstone_hub_preview_${name} `));
  return Number(line?.split(" ").at(-1) ?? Number.NaN);
};

describe("a device and a viewer", () => {
  test("find each other: start, tables, key picture, state, stop", async () => {
    await start();
    const edge = await show("cam-1", "front", "yard");
    expect(edge.socket.protocol).toBe(PROTOCOL);
    const viewer = await openViewer(scope, hub.port, "cam-1/yard", token);
    await edge.word('{"start":1}');
    expect(viewer.socket.protocol).toBe(PROTOCOL);
    const late = picture({ isKey: false, packets: 3 });
    edge.show(1, joinBytes([late, opening(), late]));
    await viewer.count(opening().length + late.length);
    expect(viewer.bytes).toEqual(joinBytes([opening(), late]));
    edge.say({
      cameras: [
        { camera: "front", state: "ok" },
        { camera: "yard", state: "silent" },
      ],
    });
    await viewer.word('{"device":"cam-1","camera":"yard","state":"silent"}');
    expect(JSON.parse((await cameras(token)).text)).toEqual({
      cameras: [
        { device: "cam-1", camera: "front", state: "ok", viewers: 0 },
        { device: "cam-1", camera: "yard", state: "silent", viewers: 1 },
      ],
    });
    expect([await figure("edges"), await figure("viewers")]).toEqual([1, 1]);
    viewer.socket.close();
    await viewer.closed;
    await eventually("the viewer is gone", async () =>
      (await figure("viewers")) === 0 ? true : undefined,
    );
    expect(edge.texts).toEqual(['{"start":1}']);
    await clock.advance(PREVIEW_LIMITS.lingerMs);
    await edge.word('{"stop":1}');
    expect(await figure("views_total")).toBe(1);
    expect(await figure("sent_bytes_total")).toBe(opening().length + late.length);
  });

  test("leave nothing on the disk and nothing in the log", async () => {
    await start();
    const settled = hub.settled().then(() => true as const);
    await eventually("all is written that is to be", async () => {
      await clock.advance(1_000);
      return Promise.race([settled, Promise.resolve(undefined)]);
    });
    const before = [hub.files.operations, hub.log.state.size];
    const edge = await show("cam-1", "front");
    const viewer = await openViewer(scope, hub.port, "cam-1/front", token);
    await edge.word('{"start":0}');
    for (let i = 0; i < 50; i++) edge.show(0, opening());
    await viewer.count(50 * opening().length);
    viewer.socket.close();
    await viewer.closed;
    expect([hub.files.operations, hub.log.state.size]).toEqual(before);
    // Where something is written, the count does move.
    await addViewer("jun");
    expect(hub.files.operations).toBeGreaterThan(before[0]!);
  });

  test("are parted in good order when the hub stops", async () => {
    await start();
    const edge = await show("cam-1", "front");
    const viewer = await openViewer(scope, hub.port, "cam-1/front", token);
    await viewer.word('{"device":"cam-1","camera":"front","state":"ok"}');
    await openViewer(scope, hub.port, "cam-1/front", undefined);
    await hub.services.close();
    const ends = [await edge.closed, await viewer.closed].map(([code]) => code);
    for (const code of ends) expect([1001, 1006]).toContain(code);
  });
});

describe("a device is let in", () => {
  test.each<[string, () => string | undefined]>([
    ["without a token", () => undefined],
    ["by another's token", () => deviceToken("cam-1", { generation: 1 })],
    ["by a token for another log", () => deviceToken("cam-1", { origin: "other.example/log" })],
    ["by a token of two hours ago", () => deviceToken("cam-1", { atMs: Date.now() - 7_200_000 })],
    ["under a name that nobody has", () => deviceToken("cam-9")],
    ["by a viewer's token", () => token],
    ["by rubbish", () => "a.b.c"],
  ])("not %s", async (_name, make) => {
    await start();
    const bearer = make();
    const headers = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
    const opened = openPeer(scope, `ws://127.0.0.1:${hub.port}/preview/v1/edge`, {
      options: { headers },
    });
    await expect(opened).rejects.toThrow("status 401");
    expect(await figure('refused_total{side="edge",reason="bad-token"}')).toBe(1);
  });

  test("not without the protocol, and not from a page", async () => {
    await start();
    await expect(openEdge(scope, hub.port, "cam-1", { protocols: ["mqtt"] })).rejects.toThrow(
      "status 400",
    );
    const options = { headers: { origin: `http://127.0.0.1:${hub.port}` } };
    await expect(openEdge(scope, hub.port, "cam-1", { options })).rejects.toThrow("status 403");
  });

  test("not above the bound", async () => {
    await start({ edgesMax: 1 });
    await hub.enrol("cam-2");
    const edge = await openEdge(scope, hub.port, "cam-1");
    await expect(openEdge(scope, hub.port, "cam-2")).rejects.toThrow("status 503");
    edge.socket.terminate();
    await eventually("there is room again", () =>
      openEdge(scope, hub.port, "cam-2").then(() => true),
    );
  });

  test("once: the newer connection stands", async () => {
    await start();
    const old = await show("cam-1", "front");
    const viewer = await openViewer(scope, hub.port, "cam-1/front", token);
    await old.word('{"start":0}');
    const young = await show("cam-1", "front");
    expect(await old.closed).toEqual([4004, "replaced"]);
    await young.word('{"start":0}');
    young.show(0, opening());
    await viewer.count(opening().length);
  });

  test("not any more once its key is revoked", async () => {
    await start();
    const edge = await show("cam-1", "front");
    const viewer = await openViewer(scope, hub.port, "cam-1/front", token);
    await edge.word('{"start":0}');
    const kid = decodeHex(testDevice("cam-1").kid)!;
    const payload = encodeRevoke({ name: "cam-1", kid, reason: "stolen", last: undefined });
    const iat = Math.floor(Date.now() / 1000);
    accepted(hub.log.submit({ kind: "revoke", stream: "registry", iat, payload }));
    await hub.log.durable();
    expect(await edge.closed).toEqual([4010, "revoked"]);
    await viewer.word('{"device":"cam-1","camera":"front","state":"away"}');
    await expect(openEdge(scope, hub.port, "cam-1")).rejects.toThrow("status 401");
  });
});

describe("a device that", () => {
  test.each<[string, (edge: Awaited<ReturnType<typeof openEdge>>) => void, number]>([
    ["says rubbish", (edge) => edge.say("hello"), 4000],
    ["sends pictures first", (edge) => edge.show(0, opening()), 4000],
    ["sends an empty message", (edge) => edge.socket.send(new Uint8Array(0)), 4000],
    ["sends too large a message", (edge) => edge.show(0, new Uint8Array(65_536)), 1009],
    ["talks too much at once", (edge) => edge.say(`{"cameras":"${"x".repeat(5_000)}"}`), 4000],
    [
      "says what is no UTF-8",
      (edge) => edge.socket.send(Uint8Array.of(0xff), { binary: false }),
      1007,
    ],
    [
      "talks without end",
      (edge) => {
        const word = { cameras: [{ camera: "front", state: "ok" }] };
        for (let i = 0; i < 20; i++) edge.say(word);
      },
      4006,
    ],
    [
      "pings without end",
      (edge) => {
        for (let i = 0; i < 20; i++) edge.socket.ping();
      },
      4006,
    ],
  ])("%s is cut off", async (_name, misbehave, code) => {
    await start();
    const edge = await openEdge(scope, hub.port, "cam-1");
    misbehave(edge);
    expect((await edge.closed)[0]).toBe(code);
    expect((await hub.get("/healthz")).text).toBe("ok\n");
  });

  test("never names its cameras is cut off", async () => {
    await start();
    const edge = await openEdge(scope, hub.port, "cam-1");
    await clock.advance(PREVIEW_LIMITS.firstWordMsMax);
    expect(await edge.closed).toEqual([4001, "silent"]);
  });

  test("sends what nobody asked for is told to stop, and cut off", async () => {
    await start();
    const edge = await show("cam-1", "front");
    edge.show(0, opening());
    await edge.word('{"stop":0}');
    await clock.advance(PREVIEW_LIMITS.strayMsMax);
    edge.show(0, opening());
    expect(await edge.closed).toEqual([4005, "unasked"]);
  });

  test("gives no sign of life is hung up on", async () => {
    await start();
    const edge = await openEdge(scope, hub.port, "cam-1", { options: { autoPong: false } });
    edge.say({ cameras: [{ camera: "front", state: "ok" }] });
    await eventually("the list", () =>
      hub.services.previews.relay.hasHadCameras ? true : undefined,
    );
    let pings = 0;
    edge.socket.on("ping", () => (pings += 1));
    await eventually("it is cut off", async () => {
      await clock.advance(PREVIEW_LIMITS.pingEveryMs);
      return edge.socket.readyState === edge.socket.CLOSED ? true : undefined;
    });
    expect(pings).toBeGreaterThan(0);
    expect((await edge.closed)[0]).toBe(1006);
  });

  test("answers pings stays, for hours", async () => {
    await start();
    const edge = await show("cam-1", "front");
    let pings = 0;
    edge.socket.on("ping", () => (pings += 1));
    for (let i = 1; i <= 20; i++) {
      await clock.advance(PREVIEW_LIMITS.pingEveryMs);
      await eventually("a ping", () => (pings >= i ? true : undefined));
      // Its answer is under way; one that is late does no harm, since three may be missed.
      await cameras(token);
    }
    expect(edge.socket.readyState).toBe(edge.socket.OPEN);
  });

  test("sends more than it may is read no faster, and loses nothing by it", async () => {
    await start({ edgeBytesPerSecondMax: 100_000, viewerBytesPerSecondMax: 1e9 });
    await hub.enrol("cam-2");
    const edge = await show("cam-1", "front");
    const viewer = await openViewer(scope, hub.port, "cam-1/front", token);
    await edge.word('{"start":0}');
    const message = joinBytes(Array.from({ length: 40 }, () => opening()));
    for (let i = 0; i < 20; i++) edge.show(0, message);
    // Another device is heard meanwhile.
    const other = await show("cam-2", "front");
    const { figures } = hub.services.previews;
    await openViewer(scope, hub.port, "cam-2/front", token);
    await other.word('{"start":0}');
    expect(figures.bytesIn).toBeLessThanOrEqual(100_000 + 2 * message.length);
    await eventually("all has come", async () => {
      await clock.advance(1_000);
      return viewer.bytes.length >= 20 * message.length ? true : undefined;
    });
  });
});

describe("a viewer is let in", () => {
  test("from the hub's own page, and from no page", async () => {
    await start();
    await show("cam-1", "front");
    const options = { headers: { origin: `http://127.0.0.1:${hub.port}` } };
    for (const changes of [{}, { options }]) {
      const viewer = await openViewer(scope, hub.port, "cam-1/front", token, changes);
      await viewer.word('{"device":"cam-1","camera":"front","state":"ok"}');
    }
  });

  test.each(["https://evil.example", "null", "http://127.0.0.1:1"])(
    "not from a page of %s",
    async (origin) => {
      await start();
      const options = { headers: { origin } };
      await expect(openViewer(scope, hub.port, "cam-1/front", token, { options })).rejects.toThrow(
        "status 403",
      );
    },
  );

  test("not without the protocol", async () => {
    await start();
    await expect(
      openViewer(scope, hub.port, "cam-1/front", token, { protocols: [] }),
    ).rejects.toThrow("status 400");
    expect(await figure('refused_total{side="viewer",reason="no-protocol"}')).toBe(1);
  });

  test.each<[string, unknown, number]>([
    ["a wrong token", { token: "A".repeat(43) }, 4002],
    ["a device's token", { token: deviceToken("cam-1") }, 4002],
    ["rubbish", "let me in", 4000],
    ["another word", { tokens: "A".repeat(43) }, 4000],
    ["a word without end", "x".repeat(5_000), 1009],
  ])("not with %s", async (_name, word, code) => {
    await start();
    await show("cam-1", "front");
    const viewer = await openViewer(scope, hub.port, "cam-1/front", undefined);
    viewer.say(word);
    expect((await viewer.closed)[0]).toBe(code);
    expect(viewer.texts).toEqual([]);
    expect(hub.services.previews.relay.viewers).toBe(0);
  });

  test("not with bytes before the token", async () => {
    await start();
    const viewer = await openViewer(scope, hub.port, "cam-1/front", undefined);
    viewer.show(0, opening());
    expect(await viewer.closed).toEqual([4000, "malformed"]);
  });

  test("not if it says nothing for long", async () => {
    await start();
    const viewer = await openViewer(scope, hub.port, "cam-1/front", undefined);
    await clock.advance(PREVIEW_LIMITS.firstWordMsMax);
    expect(await viewer.closed).toEqual([4001, "silent"]);
  });

  test("to the cameras that its token is for, and is told of no others", async () => {
    await start();
    await hub.enrol("cam-2");
    await show("cam-1", "front");
    const edge = await show("cam-2", "front");
    const some = await addViewer("jun", ["cam-1"]);
    const viewer = await openViewer(scope, hub.port, "cam-1/front", some);
    await viewer.word('{"device":"cam-1","camera":"front","state":"ok"}');
    // What is there and what is not are answered alike.
    for (const camera of ["cam-2/front", "cam-2/roof", "cam-3/front", "cam-1/roof"]) {
      const refused = await openViewer(scope, hub.port, camera, some);
      expect(await refused.closed).toEqual([4007, "no-camera"]);
    }
    const list = JSON.parse((await cameras(some)).text) as { cameras: { device: string }[] };
    expect(list.cameras.map(({ device }) => device)).toEqual(["cam-1"]);
    expect(edge.texts).toEqual([]);
  });

  test("only while its token is valid", async () => {
    await start();
    await show("cam-1", "front");
    const removed = await openViewer(scope, hub.port, "cam-1/front", await addViewer("noor"));
    await removed.word('{"device":"cam-1","camera":"front","state":"ok"}');
    await hub.services.previews.removeViewer("noor");
    expect(await removed.closed).toEqual([4003, "removed"]);
    const short = await addViewer("jun", undefined, 20_000);
    const expiring = await openViewer(scope, hub.port, "cam-1/front", short);
    await expiring.word('{"device":"cam-1","camera":"front","state":"ok"}');
    await clock.advance(19_999);
    expect((await cameras(short)).status).toBe(200);
    expect(expiring.socket.readyState).toBe(expiring.socket.OPEN);
    await clock.advance(1);
    expect(await expiring.closed).toEqual([4003, "removed"]);
    const late = await openViewer(scope, hub.port, "cam-1/front", short);
    expect(await late.closed).toEqual([4002, "bad-token"]);
    expect((await cameras(short)).status).toBe(401);
  });

  test("not above the bounds, and says nothing more once it is in", async () => {
    await start({ viewersPerCameraMax: 1 });
    await show("cam-1", "front");
    const viewer = await openViewer(scope, hub.port, "cam-1/front", token);
    await viewer.word('{"device":"cam-1","camera":"front","state":"ok"}');
    const second = await openViewer(scope, hub.port, "cam-1/front", token);
    expect(await second.closed).toEqual([4008, "full"]);
    viewer.say({ token });
    expect(await viewer.closed).toEqual([4000, "malformed"]);
  });

  test("not so often that nobody else finds a place", async () => {
    const word = (camera: string): string => `{"device":"cam-1","camera":"${camera}","state":"ok"}`;
    await start({ viewsPerTokenMax: 3, viewsPerTokenAndCameraMax: 2 });
    await show("cam-1", "front", "yard");
    const open = async (camera: string, whose = token): Promise<PreviewPeer> => {
      const viewer = await openViewer(scope, hub.port, `cam-1/${camera}`, whose);
      await Promise.race([viewer.word(word(camera)), viewer.closed]);
      return viewer;
    };
    const first = await open("front");
    await open("front");
    expect(await (await open("front")).closed).toEqual([4008, "full"]);
    await open("yard");
    expect(await (await open("yard")).closed).toEqual([4008, "full"]);
    const other = await open("front", await addViewer("noor"));
    expect(other.socket.readyState).toBe(other.socket.OPEN);
    // A place that is given back can be taken again.
    first.socket.close();
    await first.closed;
    await eventually("there is a place", async () => {
      const again = await open("yard");
      return again.socket.readyState === again.socket.OPEN ? true : undefined;
    });
  });
});

describe("strangers", () => {
  test("who fail again and again are not listened to any more, whatever they bring", async () => {
    await start({ failuresMax: 3 });
    await show("cam-1", "front");
    const wrong = "A".repeat(43);
    const viewer = await openViewer(scope, hub.port, "cam-1/front", wrong);
    await viewer.closed;
    expect((await cameras(wrong)).status).toBe(401);
    expect((await cameras("")).status).toBe(401);
    const blocked = await cameras(token);
    expect([blocked.status, blocked.headers["retry-after"]]).toEqual([429, "600"]);
    expect(JSON.parse(blocked.text)).toMatchObject({ code: "too-many" });
    await expect(openViewer(scope, hub.port, "cam-1/front", token)).rejects.toThrow("status 429");
    // Another address behind the same proxy is.
    expect((await cameras(token, { "x-forwarded-for": "198.51.100.7" })).status).toBe(200);
    await clock.advance(PREVIEW_LIMITS.failureWindowMs);
    expect((await cameras(token)).status).toBe(200);
  });

  test("who fail as a device are kept from that name, and no other device behind their address is", async () => {
    await start({ failuresMax: 3 });
    await hub.enrol("cam-2");
    const wrong = deviceToken("cam-1", { generation: 1 });
    for (let i = 0; i < 3; i++) {
      await expect(openEdge(scope, hub.port, "cam-1", { token: wrong })).rejects.toThrow("401");
    }
    await expect(openEdge(scope, hub.port, "cam-1")).rejects.toThrow("status 429");
    await show("cam-2", "front");
    await openViewer(scope, hub.port, "cam-2/front", token);
    // Who is not enrolled yet may ask as often as it likes, and is let in once it is.
    for (let i = 0; i < 5; i++) {
      await expect(openEdge(scope, hub.port, "cam-3")).rejects.toThrow("status 401");
    }
    await hub.enrol("cam-3");
    await show("cam-3", "front");
    await clock.advance(PREVIEW_LIMITS.failureWindowMs);
    await openEdge(scope, hub.port, "cam-1");
  });

  test("by the thousand get no further than the door", async () => {
    await start({ strangersPerAddressMax: 8, failuresMax: 1e9 });
    await show("cam-1", "front");
    const path = "/preview/v1/devices/cam-1/cameras/front";
    let refused = 0;
    const knock = (): Promise<Socket> =>
      new Promise((resolve, reject) => {
        const socket = connectTcp(hub.port, "127.0.0.1");
        scope.defer(() => socket.destroy());
        socket.on("error", reject);
        socket.write(upgradeRequest(path));
        socket.once("data", (answer: Uint8Array) => {
          const head = new TextDecoder().decode(answer.subarray(0, 16));
          if (head.startsWith("HTTP/1.1 503")) refused += 1;
          resolve(socket);
        });
      });
    const sockets: Socket[] = [];
    for (let round = 0; round < 20; round++) {
      sockets.push(...(await Promise.all(Array.from({ length: 100 }, knock))));
    }
    expect(refused).toBe(2_000 - 8);
    expect((await hub.get("/healthz")).text).toBe("ok\n");
    // Those inside say nothing, and are out when their time is over.
    await clock.advance(PREVIEW_LIMITS.firstWordMsMax);
    await clock.advance(2_000);
    const viewer = await eventually("there is room", () =>
      openViewer(scope, hub.port, "cam-1/front", token),
    );
    await viewer.word('{"device":"cam-1","camera":"front","state":"ok"}');
  });

  test.each<[string, string, string]>([
    ["to nowhere", "/preview/v1/nowhere", "404 Not Found"],
    ["to no name", "/preview/v1/devices/cam-1/cameras/..%2fhub.key", "400 Bad Request"],
    ["to the page", "/", "200 OK"],
  ])("who want a WebSocket %s get an ordinary answer", async (_name, path, status) => {
    await start();
    const socket = connectTcp(hub.port, "127.0.0.1");
    scope.defer(() => socket.destroy());
    socket.write(upgradeRequest(path));
    let text = "";
    socket.on("data", (chunk: Uint8Array) => (text += new TextDecoder().decode(chunk)));
    await once(socket, "close");
    expect(text.split("\r\n")[0]).toBe(`HTTP/1.1 ${status}`);
    expect(text).toContain("content-security-policy: default-src 'none'");
  });

  test("who would rather speak HTTP/2 are answered as before", async () => {
    await start();
    const headers = {
      connection: "Upgrade, HTTP2-Settings",
      upgrade: "h2c",
      "http2-settings": "AAMAAABk",
    };
    expect((await hub.get("/healthz", headers)).text).toBe("ok\n");
    expect((await hub.get("/api/v1/log", headers)).status).toBe(200);
  });

  test("who ask without an upgrade are told what is served there", async () => {
    await start();
    for (const path of ["/preview/v1/edge", "/preview/v1/devices/cam-1/cameras/front"]) {
      const { status, text } = await hub.get(path);
      expect([status, text.includes(PROTOCOL)]).toEqual([400, true]);
    }
  });

  test("learn from the public API no more than that there was a camera", async () => {
    await start();
    const log = async (): Promise<unknown> => (await hub.json("/log"))["cameras"];
    expect(await log()).toBe(false);
    const edge = await show("cam-1", "front");
    await eventually("it is known", async () => ((await log()) === true ? true : undefined));
    edge.socket.terminate();
    await edge.closed;
    await eventually("the device is gone", async () =>
      (await figure("edges")) === 0 ? true : undefined,
    );
    expect(await log()).toBe(true);
    const answers = ["/api/v1/devices", "/api/v1/log", "/metrics"].map((path) => hub.get(path));
    for (const { text } of await Promise.all(answers)) expect(text).not.toContain("front");
  });
});

test("a viewer that does not read costs the hub a bounded queue, and then its place", async () => {
  await start({ edgeBytesPerSecondMax: 1e12, viewerBytesPerSecondMax: 1e12 });
  const edge = await show("cam-1", "front");
  const quick = await openViewer(scope, hub.port, "cam-1/front", token);
  const stuck = await openViewer(scope, hub.port, "cam-1/front", token);
  await stuck.word('{"device":"cam-1","camera":"front","state":"ok"}');
  stuck.socket.pause();
  await edge.word('{"start":0}');
  const message = joinBytes([
    associationTable(),
    programMap(),
    picture({ isKey: true, packets: 300 }),
  ]);
  const { figures } = hub.services.previews;
  let sent = 0;
  await eventually("pictures are left out", async () => {
    for (let i = 0; i < 20; i++) edge.show(0, message);
    sent += 20;
    await drained(edge.socket);
    return figures.dropped.slow > 0 ? true : undefined;
  });
  for (let waited = 0; waited <= PREVIEW_LIMITS.lagMsMax; waited += 5_000) {
    edge.show(0, message);
    sent += 1;
    await quick.count(sent * message.length);
    await clock.advance(5_000);
  }
  edge.show(0, message);
  await eventually("it is cut off", async () =>
    (await figure('refused_total{side="viewer",reason="too-slow"}')) === 1 ? true : undefined,
  );
  expect(hub.services.previews.relay.viewers).toBe(1);
  expect(quick.socket.readyState).toBe(quick.socket.OPEN);
});
