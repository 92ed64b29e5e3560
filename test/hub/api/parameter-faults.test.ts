/** A wrong question is answered with the parameter's name, what was expected, and an example. */

import { expect, test } from "vitest";
import { z } from "zod";
import { defineRoute } from "../../../hub/api/route.ts";
import { Problem } from "../../../hub/api/problem.ts";

const route = defineRoute({
  path: "/blocks/{height}",
  about: "for the test",
  params: { height: z.number().int().min(0) },
  query: {
    device: z
      .string()
      .regex(/^[a-z]+$/, "expected a name of a-z")
      .meta({ examples: ["air"] })
      .optional(),
    limit: z.number().int().min(1).max(200).default(50),
  },
  reply: { kind: "json", schema: z.object({}) },
  answer: () => ({}),
});

const none = defineRoute({
  path: "/peers",
  about: "for the test",
  reply: { kind: "json", schema: z.object({}) },
  answer: () => ({}),
});

const HEIGHT = { height: "1" };

test.each<[Record<string, unknown>, Record<string, unknown>, string]>([
  [
    { height: "one" },
    {},
    'height: expected a whole number of at least 0, found "one"; for example height=0',
  ],
  [
    HEIGHT,
    { limit: "0" },
    'limit: expected a whole number from 1 to 200, found "0"; for example limit=50',
  ],
  [
    HEIGHT,
    { limit: "1e2" },
    'limit: expected a whole number from 1 to 200, found "1e2"; for example limit=50',
  ],
  [
    HEIGHT,
    { limit: ["1", "2"] },
    "limit: expected a whole number from 1 to 200, found it more than once; for example limit=50",
  ],
  [HEIGHT, { device: "A" }, 'device: expected a name of a-z, found "A"; for example device=air'],
  [HEIGHT, { limi: "1" }, "there is no parameter limi; did you mean limit?"],
  [HEIGHT, { offset: "1" }, "there is no parameter offset: known are device, limit"],
  [
    HEIGHT,
    { limit: "x", devise: "air" },
    'limit: expected a whole number from 1 to 200, found "x"; for example limit=50; there is no parameter devise; did you mean device?',
  ],
])("%j %j", async (params, query, text) => {
  const answer = await route.answer(params, query);
  expect(answer).toBeInstanceOf(Problem);
  expect(answer).toMatchObject({ code: "bad-request", text });
});

test("what is missing is said to be", async () => {
  const answer = await route.answer({}, {});
  expect(answer).toMatchObject({
    text: "height: expected a whole number of at least 0, found nothing; for example height=0",
  });
});

test("a route without parameters says so", async () => {
  expect(await none.answer({}, { limit: "1" })).toMatchObject({
    text: "there is no parameter limit: there are none here",
  });
});

test("what is right is answered", async () => {
  expect(await route.answer(HEIGHT, { limit: "7", device: "air" })).toEqual({});
});
