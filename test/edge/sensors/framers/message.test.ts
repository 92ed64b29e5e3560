/** Messages as lines of JSON: the general suite, what a line hands on, and what it does not. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeUtf8, encodeUtf8 } from "../../../../ledger/bytes.ts";
import {
  formatMessage,
  type Message,
  MESSAGE_BYTES_MAX,
  messageFramer,
  PAYLOAD_BYTES_MAX,
} from "../../../../edge/sensors/framers/message.ts";
import { describeFramer } from "./framer-suite.ts";

const LINE_END = encodeUtf8("\n");

const payload = fc.oneof(
  fc.dictionary(fc.constantFrom("temperature", "BME280", "ü"), fc.double({ noNaN: true }), {
    minKeys: 1,
    maxKeys: 3,
  }),
  fc.constantFrom("online", "nan", 21.5, null, [1, 2]),
);
const message = fc
  .tuple(fc.constantFrom("zigbee2mqtt/kitchen", "tele/büro/SENSOR"), payload)
  .map(([topic, said]) => formatMessage(topic, encodeUtf8(JSON.stringify(said)))!);

describeFramer("messages", {
  make: () => messageFramer(),
  frames: message,
  framesApart: LINE_END,
  bytesMax: MESSAGE_BYTES_MAX + 1,
});

function messagesOf(...texts: string[]): Message[] {
  return texts
    .flatMap((text) => messageFramer().push(encodeUtf8(text), 0))
    .map((each) => each.frame);
}

describe("a message", () => {
  test("comes back as it was, whatever JSON it holds", () => {
    fc.assert(
      fc.property(fc.string(), fc.json(), fc.boolean(), (topic, text, isRetained) => {
        const line = formatMessage(topic, encodeUtf8(text), isRetained)!;
        expect(line.filter((byte) => byte === 10)).toHaveLength(1);
        const [found] = messagesOf(decodeUtf8(line)!);
        expect(found).toEqual({
          topic,
          payload: JSON.parse(text) as unknown,
          isRetained,
        });
      }),
    );
  });

  test("that is no JSON is its text", () => {
    for (const text of ["online", "nan", "", "21,5", "{", '{"a":1}x', "\u0000\n\r"]) {
      const [found] = messagesOf(decodeUtf8(formatMessage("t", encodeUtf8(text))!)!);
      expect(found).toEqual({ topic: "t", payload: text, isRetained: false });
    }
  });

  test.each([
    ["no UTF-8", Uint8Array.of(0xc3, 0x28)],
    ["too long", new Uint8Array(PAYLOAD_BYTES_MAX + 1).fill(0x31)],
    ["longer as JSON than it was", encodeUtf8(`[${"1e20,".repeat(13_000)}1]`)],
    ["nested beyond what can be written", encodeUtf8("[".repeat(30_000) + "]".repeat(30_000))],
  ])("is not handed on: %s", (_, bytes) => {
    const line = formatMessage("t", bytes);
    // How deep is too deep is the engine's to say; what is handed on has to come back.
    if (line !== undefined) expect(messageFramer().push(line, 0)).toHaveLength(1);
    else expect(line).toBeUndefined();
  });

  test("of the longest length is taken", () => {
    const line = formatMessage("t", new Uint8Array(PAYLOAD_BYTES_MAX).fill(0x78))!;
    expect(messageFramer().push(line, 0)).toHaveLength(1);
  });
});

describe("a line that a board prints", () => {
  test.each([
    ['{"temp":21.5}', { temp: 21.5 }],
    ["[1,2]", [1, 2]],
    ['{"topic":"x"}', { topic: "x" }],
    ['{"topic":"x","payload":1,"more":2}', { topic: "x", payload: 1, more: 2 }],
    ['{"topic":3,"payload":1}', { topic: 3, payload: 1 }],
    ['{"topic":"x","payload":1,"retained":false}', { topic: "x", payload: 1, retained: false }],
  ])("%s is the payload itself", (text, said) => {
    expect(messagesOf(`${text}\r\n`)).toEqual([{ topic: "", payload: said, isRetained: false }]);
  });

  test("may name its topic, as a message does", () => {
    expect(messagesOf('{"topic":"a","payload":{"x":1}}\n')).toEqual([
      { topic: "a", payload: { x: 1 }, isRetained: false },
    ]);
  });

  test.each(["21.5", "null", "true", '"x"', "temp=21.5", "{", "{}}"])("%s is bad", (text) => {
    const framer = messageFramer();
    expect(framer.push(encodeUtf8(`${text}\n`), 0)).toEqual([]);
    expect(framer.counters()).toMatchObject({ framesBad: 1, bytesSkipped: text.length });
  });
});
