/** A page's connection over a scripted hub: reconnecting, polling, stalls, and what is asked when. */
import { beforeEach, describe, expect, test } from "vitest";
import { HubClient } from "../../dashboards/web/api/hub-client.ts";
import { CityStore } from "../../dashboards/web/city/city-store.ts";
import { phaseOf } from "../../dashboards/web/connection/link.ts";
import { LiveLink } from "../../dashboards/web/connection/live-link.ts";
import type { StreamListener } from "../../dashboards/web/connection/live-link.ts";
import { ManualTimers, settle } from "./support/manual-timers.ts";
import { exampleCity } from "./support/scripted-city.ts";
import type { ScriptedCity } from "./support/scripted-city.ts";

/** Everything around a link, in memory. */
class Setting {
  readonly timers = new ManualTimers();
  readonly store = new CityStore(this.timers);
  readonly city: ScriptedCity = exampleCity("link.example/log", 1_800_000_000);
  readonly asked: string[] = [];
  readonly checkpoints: string[] = [];
  readonly streams: { listener: StreamListener; isClosed: boolean }[] = [];
  isAway = false;
  readonly link = new LiveLink({
    client: new HubClient((path) => this.#answer(path)),
    openStream: (listener) => {
      const stream = { listener, isClosed: false };
      this.streams.push(stream);
      return () => {
        stream.isClosed = true;
      };
    },
    timers: this.timers,
    store: this.store,
    takeCheckpoint: (note) => this.checkpoints.push(note),
  });

  get phase(): string {
    return phaseOf(this.store.shown.link);
  }

  get stream(): { listener: StreamListener; isClosed: boolean } {
    return this.streams.at(-1)!;
  }

  async begin(): Promise<void> {
    this.link.start();
    await settle();
    this.stream.listener.opened();
    await this.timers.advance(0);
  }

  #answer(path: string): Promise<Response> {
    this.asked.push(path);
    if (this.isAway) return Promise.reject(new TypeError("connection refused"));
    const { city } = this;
    const answers: Record<string, unknown> = {
      "/api/v1/log": city.logAnswer(),
      "/api/v1/devices": { devices: city.devices() },
      "/api/v1/blocks?limit=20": { blocks: city.blocks() },
      "/api/v1/peers": city.peers(),
      "/api/v1/quarantine?limit=10": { items: [], total: 0 },
      "/checkpoint": city.checkpoint,
    };
    const body = answers[path];
    return Promise.resolve(
      new Response(typeof body === "string" ? body : JSON.stringify(body), { status: 200 }),
    );
  }
}

let setting: Setting;
beforeEach(async () => {
  setting = new Setting();
  await setting.begin();
});

test("a start shows the city, live", () => {
  expect(setting.phase).toBe("live");
  expect(setting.store.shown.city?.devices.size).toBe(9);
  expect(setting.checkpoints.at(-1)).toBe(setting.city.checkpoint);
});

test("a reading told by the stream is shown, and only the short question is asked then", async () => {
  const { city, stream, timers, store } = setting;
  const entry = city.measure("ring-traffic", [{ quantity: "speed", unit: "m/s", value: 9.5 }]);
  setting.asked.length = 0;
  stream.listener.told({
    kind: "reading",
    device: "ring-traffic",
    values: city
      .devices()
      .find(({ name }) => name === "ring-traffic")!
      .latest.filter((value) => value.entry === entry),
  });
  await timers.advance(10_000);
  const { latest } = store.shown.city!.devices.get("ring-traffic")!;
  expect(latest.find(({ quantity }) => quantity === "speed")?.value).toBe(9.5);
  expect(setting.asked).toEqual(["/api/v1/log"]);
});

describe("a hub that goes away", () => {
  beforeEach(async () => {
    setting.isAway = true;
    setting.stream.listener.broken();
    await setting.timers.advance(0);
  });

  test("is noticed at once, and what was known stays", () => {
    expect(setting.phase).toBe("away");
    expect(setting.store.shown.city).toBeDefined();
  });

  test("is asked again, and comes back live", async () => {
    await setting.timers.advance(60_000);
    expect(setting.phase).toBe("away");
    setting.isAway = false;
    await setting.timers.advance(10_000);
    expect(setting.phase).toBe("polling");
    // Streams that nobody answers are given up; the next attempt is answered.
    for (let i = 0; i < 60 && setting.stream.isClosed; i++) await setting.timers.advance(1000);
    setting.stream.listener.opened();
    await settle();
    expect(setting.phase).toBe("live");
  });

  test("has never more than one stream open", async () => {
    for (let i = 0; i < 5; i++) {
      await setting.timers.advance(120_000);
      expect(setting.streams.filter(({ isClosed }) => !isClosed).length).toBeLessThanOrEqual(1);
    }
  });
});

test("a stream that stalls while the log grows is replaced, and nothing is missed", async () => {
  const { city, timers, store } = setting;
  const first = setting.stream;
  for (let i = 0; i < 3; i++) {
    city.measure("quay-water", [{ quantity: "level", unit: "m", value: 2 + i }]);
    await timers.advance(10_000);
  }
  expect(first.isClosed).toBe(true);
  await timers.advance(3_000);
  expect(setting.stream).not.toBe(first);
  const { latest } = store.shown.city!.devices.get("quay-water")!;
  expect(latest[0]?.value).toBe(4);
});

test("what a closed stream still says is not heard", async () => {
  const old = setting.stream;
  old.listener.broken();
  old.listener.told({ kind: "presence", device: "ring-traffic", online: false });
  await setting.timers.advance(1_000);
  expect(setting.store.shown.city!.devices.get("ring-traffic")!.online).toBe(true);
});

test("a stream that does not open within its limit is given up", async () => {
  const fresh = new Setting();
  fresh.link.start();
  await fresh.timers.advance(11_000);
  expect(fresh.streams[0]!.isClosed).toBe(true);
  expect(fresh.phase).toBe("polling");
});

test("a device that is not known yet is asked for", async () => {
  const { city, stream, timers, store } = setting;
  city.enrol("new-air", "air");
  stream.listener.told({ kind: "presence", device: "new-air", online: true });
  await timers.advance(10_500);
  expect(store.shown.city!.devices.has("new-air")).toBe(true);
});

test("after a block the peers and the checkpoint are asked for once", async () => {
  const { city, stream, timers } = setting;
  const block = city.seal();
  setting.asked.length = 0;
  stream.listener.told({ kind: "block", block });
  stream.listener.told({ kind: "cosigned", size: block.index + 1, by: ["a"] });
  await timers.advance(2_000);
  expect(setting.asked).toEqual(["/api/v1/peers", "/checkpoint"]);
});
