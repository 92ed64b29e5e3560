/** Who is let in, when, and in which order. */
import { expect, test } from "vitest";
import { Gate } from "../../../firmware-sim/devices/gate.ts";
import { ManualClock } from "../../../platform/clock.ts";

/** A signal of one's own, as each device has. */
const never = (): AbortSignal => new AbortController().signal;

test("so many a second, in the order of their coming", async () => {
  const clock = new ManualClock(0);
  const gate = new Gate(clock, { perSecondMax: 10, openingMax: 1000 });
  const entered: number[] = [];
  for (let i = 0; i < 50; i++) void gate.enter(never()).then(() => entered.push(i));
  await clock.advance(1000);
  // The first comes at once.
  expect(entered.length).toBe(11);
  await clock.advance(10_000);
  expect(entered).toEqual(Array.from({ length: 50 }, (_, i) => i));
});

test("so many that are not through", async () => {
  const clock = new ManualClock(0);
  const gate = new Gate(clock, { perSecondMax: 1000, openingMax: 2 });
  const through: (() => void)[] = [];
  for (let i = 0; i < 5; i++) void gate.enter(never()).then((each) => through.push(each));
  await clock.advance(1000);
  expect(through.length).toBe(2);
  through[0]!();
  // Said twice, it counts once.
  through[0]!();
  await clock.advance(1000);
  expect(through.length).toBe(3);
});

test("whoever gives up waits no longer, and takes nobody's place", async () => {
  const clock = new ManualClock(0);
  const gate = new Gate(clock, { perSecondMax: 1000, openingMax: 1 });
  const first = await gate.enter(never());
  const stop = new AbortController();
  const second = gate.enter(stop.signal);
  let isThird = false;
  void gate.enter(never()).then(() => (isThird = true));
  stop.abort();
  (await second)();
  expect(isThird).toBe(false);
  first();
  await clock.advance(10);
  expect(isThird).toBe(true);
});
