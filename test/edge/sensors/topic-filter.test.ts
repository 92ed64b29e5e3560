/** Topic filters against the examples of MQTT 3.1.1, section 4.7, and against a slow matcher. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  filtersOverlap,
  hasWildcard,
  isTopicFilter,
  matchesTopic,
} from "../../../edge/sensors/topic-filter.ts";

test.each([
  ["sport/tennis/player1/#", "sport/tennis/player1", true],
  ["sport/tennis/player1/#", "sport/tennis/player1/ranking", true],
  ["sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true],
  ["sport/#", "sport", true],
  ["#", "sport/tennis", true],
  ["sport/tennis/+", "sport/tennis/player1", true],
  ["sport/tennis/+", "sport/tennis/player1/ranking", false],
  ["sport/+", "sport", false],
  ["sport/+", "sport/", true],
  ["+/+", "/finance", true],
  ["/+", "/finance", true],
  ["+", "/finance", false],
  ["#", "$SYS/uptime", false],
  ["+/monitor/Clients", "$SYS/monitor/Clients", false],
  ["$SYS/#", "$SYS/monitor/Clients", true],
  ["$SYS/monitor/+", "$SYS/monitor/Clients", true],
  ["a/b", "a/b", true],
  ["a/b", "A/b", false],
])("%s matches %s: %s", (filter, topic, expected) => {
  expect(isTopicFilter(filter)).toBe(true);
  expect(matchesTopic(filter, topic)).toBe(expected);
});

test.each([
  "",
  "sport/tennis#",
  "sport/tennis/#/ranking",
  "sport+",
  "a/b+/c",
  "a\0b",
  "$share/g/a",
])("%j is no filter", (text) => {
  expect(isTopicFilter(text)).toBe(false);
});

test("a filter is bounded by its bytes", () => {
  expect(isTopicFilter("x".repeat(1024))).toBe(true);
  expect(isTopicFilter("ü".repeat(513))).toBe(false);
  expect(hasWildcard("a/b")).toBe(false);
  expect(hasWildcard("a/+")).toBe(true);
});

const level = fc.constantFrom("a", "b", "");
const topics = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join("/"));
const filters = fc
  .tuple(fc.array(fc.constantFrom("a", "b", "", "+"), { maxLength: 3 }), fc.boolean())
  .map(([levels, isOpen]) =>
    [...levels, ...(isOpen || levels.length === 0 ? ["#"] : [])].join("/"),
  );

/** The same by a regular expression. */
function slowly(filter: string, topic: string): boolean {
  if (filter === "#") return true;
  const pattern = filter.replaceAll("+", "[^/]*").replace(/\/#$/, "(/.*)?").replace(/^#$/, ".*");
  return new RegExp(`^${pattern}$`).test(topic);
}

test("matching is what a slow matcher says", () => {
  fc.assert(
    fc.property(filters, topics, (filter, topic) => {
      expect(matchesTopic(filter, topic)).toBe(slowly(filter, topic));
    }),
    { numRuns: 2000 },
  );
});

/** All topics of up to four levels of these. */
const ALL = ["a", "b", ""].flatMap((one) => {
  const longer = (rest: string[]): string[] =>
    ["a", "b", ""].flatMap((next) => rest.map((text) => `${text}/${next}`));
  const two = longer([one]);
  const three = longer(two);
  return [one, ...two, ...three, ...longer(three)];
});

test("two filters overlap where some topic is matched by both", () => {
  fc.assert(
    fc.property(filters, filters, (one, other) => {
      const isShared = ALL.some((topic) => matchesTopic(one, topic) && matchesTopic(other, topic));
      expect(filtersOverlap(one, other)).toBe(isShared);
      expect(filtersOverlap(other, one)).toBe(isShared);
    }),
    { numRuns: 500 },
  );
});
