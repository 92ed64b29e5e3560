/** The connection's machine: what happens to a link, and what is done about it. */
import { describe, expect, test } from "vitest";
import {
  advance,
  INITIAL_LINK,
  phaseOf,
  STALE_AFTER_MS,
  staleSince,
} from "../../dashboards/web/connection/link.ts";
import type { Link, LinkEvent, LinkOrder } from "../../dashboards/web/connection/link.ts";

function run(...events: LinkEvent[]): { link: Link; orders: readonly LinkOrder[] } {
  let step: { link: Link; orders: readonly LinkOrder[] } = { link: INITIAL_LINK, orders: [] };
  for (const event of events) step = advance(step.link, event);
  return step;
}

const opened: LinkEvent = { kind: "opened", atMs: 1000 };
const told: LinkEvent = { kind: "told", atMs: 2000 };
const broken: LinkEvent = { kind: "broken" };
const unanswered: LinkEvent = { kind: "unanswered" };
const answered = (size: number, atMs = 3000): LinkEvent => ({ kind: "answered", atMs, size });

describe("phase", () => {
  test.each<[string, LinkEvent[]]>([
    ["connecting", []],
    ["away", [unanswered]],
    ["polling", [answered(5)]],
    ["live", [opened]],
    ["live", [answered(5), opened, unanswered]],
    ["away", [answered(5), opened, unanswered, unanswered]],
    ["polling", [opened, answered(5), broken]],
    ["away", [opened, answered(5), broken, unanswered]],
    ["polling", [opened, answered(5), broken, unanswered, answered(6)]],
    ["live", [opened, broken, opened]],
  ])("is %s after %j", (phase, events) => {
    expect(phaseOf(run(...events).link)).toBe(phase);
  });
});

describe("a stream that breaks", () => {
  test("is closed, everything is asked for, and it is opened again after a while", () => {
    expect(run(opened, broken).orders).toEqual([
      { kind: "close" },
      { kind: "ask" },
      { kind: "open", afterMs: 1000, jitterMs: 1000 },
    ]);
  });

  test("is opened ever later, up to a bound", () => {
    const waits: number[] = [];
    let { link } = run();
    for (let i = 0; i < 12; i++) {
      const step = advance(link, broken);
      link = step.link;
      for (const order of step.orders) if (order.kind === "open") waits.push(order.afterMs);
    }
    expect(waits.slice(0, 6)).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000]);
    expect(Math.max(...waits)).toBe(30_000);
  });

  test("is opened soon again once it has told something", () => {
    const { orders } = run(broken, broken, broken, opened, told, broken);
    expect(orders.at(-1)).toMatchObject({ afterMs: 1000 });
  });
});

describe("a stream that stalls", () => {
  test("is given up when the log grows twice and it tells nothing", () => {
    const { link, orders } = run(opened, answered(5), answered(6), answered(7));
    expect(orders[0]).toEqual({ kind: "close" });
    expect(link.isStreamOpen).toBe(false);
  });

  test("is kept while the log does not grow: a quiet city is no fault", () => {
    const { link } = run(opened, answered(5), answered(5), answered(5), answered(5));
    expect(link.isStreamOpen).toBe(true);
  });

  test("is kept when it tells something between the answers", () => {
    const { link } = run(opened, answered(5), answered(6), told, answered(7), told, answered(8));
    expect(link.isStreamOpen).toBe(true);
  });
});

test("opening a stream asks for what was missed before", () => {
  expect(run(opened).orders).toEqual([{ kind: "ask" }]);
});

describe("staleness", () => {
  test.each<[string, LinkEvent[], number, number | undefined]>([
    ["nothing was ever heard", [unanswered], 50_000, undefined],
    ["heard lately", [opened, answered(5)], 4000, undefined],
    ["not heard for long, whatever the stream pretends", [opened], 1000 + STALE_AFTER_MS + 1, 1000],
    ["the hub is away", [answered(5), broken, unanswered], 3500, 3000],
  ])("%s", (_, events, nowMs, since) => {
    expect(staleSince(run(...events).link, nowMs)).toBe(since);
  });
});
