/** How many messages are taken. */
import { expect, test } from "vitest";
import { MessageQuota } from "../../../../edge/sensors/lines/message-quota.ts";

test("so many at once, then so many a second, and after a pause at once again", () => {
  const quota = new MessageQuota({ perSecond: 2, atOnce: 3 }, 1000);
  const taken = (nowMs: number, tries: number): number =>
    Array.from({ length: tries }, () => quota.take(nowMs)).filter(Boolean).length;
  expect(taken(1000, 10)).toBe(3);
  expect(taken(1499, 10)).toBe(0);
  expect(taken(1500, 10)).toBe(1);
  expect(taken(2500, 10)).toBe(2);
  expect(taken(100_000, 10)).toBe(3);
});
