/** Packets that are too long, made short: whatever the pieces, all else comes through as it was. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes, encodeUtf8 } from "../../../../ledger/bytes.ts";
import { PacketFault, PacketTrim } from "../../../../edge/sensors/lines/packet-trim.ts";

const BYTES_MAX = 40;

/** A packet by its first byte and body. */
function packet(first: number, body: Uint8Array): Uint8Array {
  const digits = [];
  let left = body.length;
  do {
    digits.push((left % 128) + (left >= 128 ? 128 : 0));
    left = Math.floor(left / 128);
  } while (left > 0);
  return concatBytes(Uint8Array.of(first, ...digits), body);
}

/** A PUBLISH; the identifier is there for QoS 1 and 2. */
function publish(topic: string, payload: Uint8Array, qos: number, flags = 0): Uint8Array {
  const name = encodeUtf8(topic);
  const head = Uint8Array.of(name.length >> 8, name.length & 255);
  const identifier = qos > 0 ? Uint8Array.of(0x12, 0x34) : new Uint8Array(0);
  return packet(0x30 | (qos << 1) | flags, concatBytes(head, name, identifier, payload));
}

/** What comes out when the stream is handed over in these pieces. */
function trimmed(...pieces: Uint8Array[]): { out: Uint8Array; count: number } {
  const trim = new PacketTrim(BYTES_MAX);
  const out = concatBytes(...pieces.map((piece) => trim.push(piece).slice()));
  return { out, count: trim.trimmed };
}

const short = fc.oneof(
  fc.constantFrom(packet(0xd0, new Uint8Array(0)), packet(0x20, Uint8Array.of(0, 0))),
  fc.uint8Array({ maxLength: 20 }).map((payload) => publish("a/b", payload, 1)),
);
const long = fc.record({
  topic: fc.string({ minLength: 1, maxLength: 60 }),
  payload: fc.uint8Array({ minLength: 60, maxLength: 400 }),
  qos: fc.constantFrom(0, 1, 2),
  retain: fc.constantFrom(0, 1),
});

describe("a stream of packets", () => {
  test("loses the payloads that are too long, and nothing else, wherever it is cut", () => {
    fc.assert(
      fc.property(short, long, short, (before, { topic, payload, qos, retain }, after) => {
        const stream = concatBytes(before, publish(topic, payload, qos, retain), after);
        const expected = concatBytes(before, publish(topic, new Uint8Array(0), qos, retain), after);
        for (let at = 0; at <= stream.length; at++)
          expect(trimmed(stream.subarray(0, at), stream.subarray(at))).toEqual({
            out: expected,
            count: 1,
          });
        expect(trimmed(...Array.from(stream, (byte) => Uint8Array.of(byte))).out).toEqual(expected);
      }),
      { numRuns: 30 },
    );
  });

  test("is left alone at the bound, and trimmed beyond it", () => {
    const fits = publish("a/b", new Uint8Array(BYTES_MAX - 5).fill(7), 0);
    expect(trimmed(fits)).toEqual({ out: fits, count: 0 });
    const exceeds = publish("a/b", new Uint8Array(BYTES_MAX - 4).fill(7), 0);
    expect(trimmed(exceeds)).toEqual({ out: publish("a/b", new Uint8Array(0), 0), count: 1 });
  });

  test("of 256 MB takes no memory", () => {
    const trim = new PacketTrim(BYTES_MAX);
    const head = Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0x7f, 0, 1, 0x61);
    expect(trim.push(head)).toEqual(publish("a", new Uint8Array(0), 0));
    for (let megabytes = 0; megabytes < 255; megabytes++)
      expect(trim.push(new Uint8Array(1 << 20))).toHaveLength(0);
  });
});

test.each([
  ["a length of five bytes", Uint8Array.of(0x30, 0x80, 0x80, 0x80, 0x80, 1)],
  ["an endless packet that is no message", packet(0x90, new Uint8Array(BYTES_MAX + 1))],
  ["a message that ends in its topic", packet(0x30, new Uint8Array(BYTES_MAX + 1).fill(0xff))],
])("%s is a fault", (text, bytes) => {
  expect(() => trimmed(bytes)).toThrow(PacketFault);
  expect(() => trimmed(bytes)).toThrow(text);
});
