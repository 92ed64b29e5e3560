/** The first bytes of a segment, as they are and as a card may give them back. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { asHash } from "../../../ledger/sha256.ts";
import { decodeHeader, encodeHeader, headerLength } from "../../../edge/outbox/segment-header.ts";
import type { SegmentHeader } from "../../../edge/outbox/segment-header.ts";

const number = fc.nat({ max: 2 ** 53 - 2 });
const range = fc.record({ from: number, to: number });
const headers: fc.Arbitrary<SegmentHeader> = fc
  .tuple(number, number, number)
  .map((numbers) => numbers.toSorted((a, b) => a - b))
  .chain(([lastBefore, follows, seq]) =>
    fc.record({
      kid: fc.uint8Array({ minLength: 8, maxLength: 8 }),
      tail: fc.record({
        seq: fc.constant(seq! + 1),
        follows: fc.constant(follows!),
        prev: fc.uint8Array({ minLength: 32, maxLength: 32 }).map(asHash),
      }),
      lastBefore: fc.constant(lastBefore! - 1),
      succession: fc.record({
        replaced: fc.array(range),
        pending: fc.array(range),
        renewals: fc.array(fc.record({ from: number, to: number, first: number })),
      }),
    }),
  );

test("what is encoded is decoded to the same, whatever follows it", () => {
  fc.assert(
    fc.property(headers, fc.uint8Array(), (header, rest) => {
      const bytes = encodeHeader(header);
      expect(headerLength(bytes)).toBe(bytes.length);
      expect(decodeHeader(Uint8Array.from([...bytes, ...rest]))).toEqual(header);
    }),
  );
});

test("no changed byte goes unnoticed, and no missing one", () => {
  fc.assert(
    fc.property(headers, fc.nat(), fc.integer({ min: 1, max: 255 }), (header, place, change) => {
      const bytes = encodeHeader(header);
      expect(decodeHeader(bytes.subarray(0, bytes.length - 1))).toBeTypeOf("string");
      bytes[place % bytes.length]! ^= change;
      expect(decodeHeader(bytes)).toBeTypeOf("string");
    }),
  );
});

test.each([
  ["that follows numbers which are still to come", { follows: 8 }, {}],
  ["behind records that are still to come", {}, { lastBefore: 7 }],
])("a header %s is impossible", (_, tail, changes) => {
  const prev = asHash(new Uint8Array(32));
  const succession = { replaced: [], pending: [], renewals: [] };
  const header: SegmentHeader = {
    kid: new Uint8Array(8),
    tail: { seq: 7, follows: 7, prev, ...tail },
    lastBefore: 6,
    succession,
    ...changes,
  };
  expect(decodeHeader(encodeHeader(header))).toBe("its header is impossible");
});

test.each([
  ["nothing", new Uint8Array(0), "shorter than a header"],
  ["another file", new Uint8Array(200).fill(0x20), "not an outbox segment"],
])("%s is no header", (_, bytes, text) => {
  expect(decodeHeader(bytes)).toBe(text);
});
