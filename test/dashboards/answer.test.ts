/** The hub's answers at the door: what fits is taken, what does not is refused whole. */
import { describe, expect, test } from "vitest";
import { readBlock, readDevice, readLog, readPeers } from "../../dashboards/web/api/answer.ts";
import { EVENT_NAMES, readEvent } from "../../dashboards/web/api/event.ts";
import { HubClient, NoAnswer } from "../../dashboards/web/api/hub-client.ts";
import { exampleCity } from "./support/scripted-city.ts";

const city = exampleCity("answer.example/log", 1_800_000_000);

describe("what fits", () => {
  test("is taken, with members that are not known passed over", () => {
    expect(readLog({ ...city.logAnswer(), later: 1 })?.origin).toBe("answer.example/log");
    expect(readPeers(city.peers())).toEqual(city.peers());
    expect(city.devices().map((device) => readDevice(device)?.name)).toHaveLength(9);
    expect(readBlock(city.blocks()[0])).toEqual(city.blocks()[0]);
  });

  test("takes members that are left out for null", () => {
    const { lat: _, ...rest } = city.devices()[0]!;
    expect(readDevice(rest)?.lat).toBeNull();
  });
});

test.each<[string, object]>([
  ["no origin", { origin: undefined }],
  ["a size in words", { size: "12" }],
  ["a negative size", { size: -1 }],
  ["a size beyond 2^53", { size: 2 ** 53 }],
  ["a time that is none", { nowMs: Number.NaN }],
])("a log with %s is refused", (_, change) => {
  expect(readLog({ ...city.logAnswer(), ...change })).toBeUndefined();
});

test("one bad value refuses the device", () => {
  const device = city.devices()[0]!;
  const latest = [{ ...device.latest[0], level: "certain" }];
  expect(readDevice({ ...device, latest })).toBeUndefined();
});

describe("events", () => {
  test("a reading carries its entry into each value", () => {
    const entry = city.measure("quay-water", [{ quantity: "level", unit: "m", value: 3 }]);
    const event = readEvent("reading", JSON.stringify(city.readingEvent("quay-water", entry)));
    expect(event).toMatchObject({
      kind: "reading",
      values: [{ entry, value: 3, level: "stored" }],
    });
  });

  test("cosigners may be one or many", () => {
    expect(readEvent("cosigned", '{"size":4,"height":1,"by":"a"}')).toMatchObject({ by: ["a"] });
    expect(readEvent("cosigned", '{"size":4,"by":["a","b"]}')).toMatchObject({ by: ["a", "b"] });
  });

  test.each(EVENT_NAMES)("%s of another shape is refused", (name) => {
    for (const data of ["", "{}", "[]", "null", "7", '{"size":-1}']) {
      expect(readEvent(name, data)).toBeUndefined();
    }
  });
});

describe("the client", () => {
  function answering(response: Response): HubClient {
    return new HubClient(() => Promise.resolve(response));
  }

  test("tells a strange answer from none", async () => {
    expect(await answering(new Response("<html>")).log()).toMatchObject({ kind: "strange" });
    const silent = new HubClient(() => Promise.reject(new TypeError("refused")));
    expect(await silent.log()).toMatchObject({ kind: "unreachable" });
  });

  test("reads problem details and when to come back", async () => {
    const problem = new Response('{"title":"not sealed yet"}', {
      status: 409,
      headers: { "retry-after": "5" },
    });
    expect(await answering(problem).evidence(7)).toEqual(
      new NoAnswer("refused", "not sealed yet", { status: 409, retryAfterMs: 5000 }),
    );
  });
});
