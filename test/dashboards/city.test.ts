/** The folds over the hub's answers and events, and how they get along when they overtake each other. */
import { describe, expect, test } from "vitest";
import type { Latest } from "../../dashboards/web/api/answer.ts";
import {
  BLOCKS_MAX,
  withEvents,
  withLog,
  withPeers,
  withSnapshot,
} from "../../dashboards/web/city/city.ts";
import type { City } from "../../dashboards/web/city/city.ts";
import { exampleCity } from "./support/scripted-city.ts";
import type { ScriptedCity } from "./support/scripted-city.ts";

const NOW_SECONDS = 1_800_000_000;
const AT_MS = NOW_SECONDS * 1000;

function snapshotOf(city: ScriptedCity): Parameters<typeof withSnapshot>[1] {
  return {
    log: city.logAnswer(),
    devices: city.devices(),
    blocks: city.blocks(),
    peers: city.peers(),
    quarantine: { items: [], total: 0 },
  };
}

function begin(): { scripted: ScriptedCity; city: City } {
  const scripted = exampleCity("city.example/log", NOW_SECONDS);
  return { scripted, city: withSnapshot(undefined, snapshotOf(scripted), AT_MS) };
}

function latest(city: City, device: string, quantity: string): Latest {
  return city.devices.get(device)!.latest.find((value) => value.quantity === quantity)!;
}

function reading(city: City, device: string, change: Partial<Latest>): City {
  const value = { ...city.devices.get(device)!.latest[0]!, ...change };
  return withEvents(city, [{ kind: "reading", device, values: [value] }]);
}

describe("readings", () => {
  test("a newer value takes the place of the older", () => {
    const { city } = begin();
    const { timeMs } = latest(city, "quay-water", "level");
    const next = reading(city, "quay-water", { value: 9, timeMs: timeMs + 1, entry: 500 });
    expect(latest(next, "quay-water", "level").value).toBe(9);
    expect(next.log.size).toBe(501);
  });

  test("an older value, sent late from an outbox, does not", () => {
    const { city } = begin();
    const { timeMs, value } = latest(city, "quay-water", "level");
    const next = reading(city, "quay-water", { value: 9, timeMs: timeMs - 1, entry: 500 });
    expect(latest(next, "quay-water", "level").value).toBe(value);
  });

  test("a snapshot that was under way does not undo a newer event", () => {
    const { scripted, city } = begin();
    const snapshot = snapshotOf(scripted);
    const { timeMs } = latest(city, "quay-water", "level");
    const ahead = reading(city, "quay-water", { value: 9, timeMs: timeMs + 1, entry: 500 });
    const next = withSnapshot(ahead, snapshot, AT_MS);
    expect(latest(next, "quay-water", "level").value).toBe(9);
    expect(next.rewound).toBeUndefined();
  });

  test("one of a stranger asks for a snapshot", () => {
    const { city } = begin();
    const next = withEvents(city, [{ kind: "presence", device: "nobody", online: true }]);
    expect(next.hasStrangers).toBe(true);
  });
});

describe("levels", () => {
  test("rise with a block and with cosignatures, and no further than these reach", () => {
    const { scripted, city } = begin();
    expect(latest(city, "bus-7-gps", "satellites").level).toBe("stored");
    const block = scripted.seal();
    const sealed = withEvents(city, [{ kind: "block", block }]);
    expect(latest(sealed, "bus-7-gps", "satellites").level).toBe("sealed");
    expect(latest(sealed, "bridge-air", "pm25").level).toBe("cosigned");
    const cosigned = withEvents(sealed, [{ kind: "cosigned", size: block.index + 1, by: ["a"] }]);
    expect(latest(cosigned, "bus-7-gps", "satellites").level).toBe("cosigned");
    expect(cosigned.blocks[0]?.cosignedBy).toEqual(["a"]);
    expect(cosigned.log.sealedSize).toBe(block.index + 1);
  });

  test("never fall", () => {
    const { city } = begin();
    const value = latest(city, "bridge-air", "pm25");
    const next = withEvents(city, [
      { kind: "reading", device: "bridge-air", values: [{ ...value, level: "stored" }] },
    ]);
    expect(latest(next, "bridge-air", "pm25").level).toBe("cosigned");
  });
});

describe("blocks", () => {
  test("stand newest first, each once, within a bound", () => {
    let { city } = begin();
    const [newest] = city.blocks;
    for (let i = 1; i <= 2 * BLOCKS_MAX; i++) {
      const block = { ...newest!, height: newest!.height + i, index: newest!.index + i };
      city = withEvents(city, [
        { kind: "block", block },
        { kind: "block", block },
      ]);
    }
    const heights = city.blocks.map(({ height }) => height);
    expect(heights).toEqual([...new Set(heights)].sort((a, b) => b - a));
    expect(heights.length).toBe(BLOCKS_MAX);
  });
});

describe("a log that becomes shorter", () => {
  test("is said, by answers compared with answers", () => {
    const { scripted, city } = begin();
    const log = { ...scripted.logAnswer(), size: city.answeredSize - 3 };
    const next = withLog(city, log, AT_MS);
    expect(next.rewound).toEqual({ from: city.answeredSize, to: log.size });
    expect(withLog(next, { ...log, size: log.size + 1 }, AT_MS).rewound).toBeDefined();
  });

  test("is not made up from an event that was faster than an answer", () => {
    const { scripted, city } = begin();
    const ahead = reading(city, "quay-water", { entry: 5000, timeMs: AT_MS * 2 });
    const next = withLog(ahead, scripted.logAnswer(), AT_MS);
    expect(next.rewound).toBeUndefined();
    expect(next.log.size).toBe(5001);
  });
});

test("a hub that has had cameras has them still after its restart", () => {
  const { scripted, city } = begin();
  const log = scripted.logAnswer();
  expect(city.log.cameras).toBe(false);
  const seen = withLog(city, { ...log, cameras: true }, AT_MS);
  expect(seen.log.cameras).toBe(true);
  expect(withLog(seen, { ...log, cameras: false }, AT_MS).log.cameras).toBe(true);
  expect(withLog(seen, { ...log, cameras: null, size: 1 }, AT_MS).log.cameras).toBe(true);
});

test("refusals and forks are counted once", () => {
  const { city } = begin();
  const refused = { id: "7", receivedMs: 1, device: null, code: "future", text: "too early" };
  const fork = { id: "f", kind: "fork", subject: "kerbstone.example/test", foundMs: 1 };
  const next = withEvents(city, [
    { kind: "refused", refused },
    { kind: "refused", refused },
    { kind: "fork", fork },
    { kind: "fork", fork },
  ]);
  expect(next.quarantine).toEqual({ items: [refused], total: 1 });
  expect(next.peers.forks).toEqual([fork]);
});

test("a fork that was told is not taken back by later silence", () => {
  const { scripted, city } = begin();
  const fork = { id: "f", kind: "fork", subject: "kerbstone.example/test", foundMs: 1 };
  const told = withEvents(city, [{ kind: "fork", fork }]);
  expect(withPeers(told, scripted.peers()).peers.forks).toEqual([fork]);
  expect(withSnapshot(told, snapshotOf(scripted), AT_MS).peers.forks).toEqual([fork]);
});

test("the hub's clock is kept beside this machine's", () => {
  const { scripted } = begin();
  const city = withSnapshot(undefined, snapshotOf(scripted), AT_MS - 90_000);
  expect(city.clockOffsetMs).toBe(scripted.logAnswer().nowMs - (AT_MS - 90_000));
});
