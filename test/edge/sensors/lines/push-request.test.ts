/** What a push says, and of whom: good ones, bad ones, and whatever else comes. */
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeUtf8 } from "../../../../ledger/bytes.ts";
import { messageFramer } from "../../../../edge/sensors/framers/message.ts";
import { isLoggedIn, parsePush, type Push } from "../../../../edge/sensors/lines/push-request.ts";

const BODY = '{"esp8266id": "1234567", "sensordatavalues":[]}';

function parsed(headers: Record<string, string>, body: string): unknown {
  const push = parsePush(headers, encodeUtf8(body));
  if ("status" in push) return push.text;
  const [message] = messageFramer().push(push.line, 0);
  return { board: push.board, topic: message!.frame.topic };
}

const BOARD = "esp8266-1234567";

describe("a push", () => {
  test.each([
    ["of an own API", { "x-sensor": BOARD }, BODY, { board: BOARD, topic: BOARD }],
    ["that names itself in the body alone", {}, BODY, { board: BOARD, topic: BOARD }],
    ["with a number for its name", {}, '{"esp8266id":1234567}', { board: BOARD, topic: BOARD }],
    [
      "of sensor.community",
      { "x-sensor": BOARD, "x-pin": "11" },
      "{}",
      { board: BOARD, topic: `${BOARD}/pin/11` },
    ],
    [
      "of an ESP32",
      { "x-sensor": "esp32-abcdef" },
      '{"esp8266id": "abcdef"}',
      { board: "esp32-abcdef", topic: "esp32-abcdef" },
    ],
    ["of a home-made board", { "x-sensor": "yard" }, "{}", { board: "yard", topic: "yard" }],
  ])("%s", (_, headers, body, expected) => {
    expect(parsed(headers, body)).toEqual(expected);
  });

  test.each([
    ["no JSON", { "x-sensor": BOARD }, "P1=3", /no JSON object/],
    ["a list", { "x-sensor": BOARD }, "[]", /no JSON object/],
    ["nothing", {}, "", /no JSON object/],
    ["no name", {}, "{}", /which board is it/],
    ["a name of other letters", { "x-sensor": "a/b" }, "{}", /letters, digits/],
    ["an empty name", { "x-sensor": "" }, "{}", /letters, digits/],
    ["two names", { "x-sensor": "esp8266-1" }, BODY, /two boards/],
    ["a pin that is none", { "x-sensor": BOARD, "x-pin": "x/y" }, "{}", /X-Pin is no number/],
  ])("is refused with a sentence: %s", (_, headers, body, expected) => {
    expect(parsed(headers, body)).toMatch(expected);
  });

  test("never throws, and is a line that comes back or a sentence", () => {
    const header = fc.option(fc.oneof(fc.string(), fc.constant(BOARD)), { nil: undefined });
    const body = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json().map((text) => encodeUtf8(text)),
      fc.json().map((text) => encodeUtf8(`{"esp8266id": ${text}, "sensordatavalues": ${text}}`)),
    );
    fc.assert(
      fc.property(header, header, body, (sensor, pin, bytes) => {
        const push = parsePush({ "x-sensor": sensor, "x-pin": pin }, bytes);
        if ("status" in push) expect(push.status).toBe(422);
        else expect(messageFramer().push((push satisfies Push).line, 0)).toHaveLength(1);
      }),
      { numRuns: 500 },
    );
  });
});

test("a login is the name and the password, and nothing near them", () => {
  const login = { username: "boards", password: "gehëim:x" };
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`;
  expect(isLoggedIn({ authorization: basic("boards:gehëim:x") }, login)).toBe(true);
  expect(isLoggedIn({ authorization: `basic  ${basic("boards:gehëim:x").slice(6)}` }, login)).toBe(
    true,
  );
  for (const authorization of [
    undefined,
    "",
    "Basic",
    "Basic !!!",
    basic("boards:"),
    basic("boards:gehëim:y"),
    basic("board:gehëim:x"),
    `Bearer ${basic("boards:gehëim:x").slice(6)}`,
  ])
    expect(isLoggedIn({ authorization }, login)).toBe(false);
});
