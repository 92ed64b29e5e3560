/** Streams cut at every packet, streams of others, and what is no stream at all. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TransportStream } from "../../../hub/preview/transport-stream.ts";
import type { StreamPart } from "../../../hub/preview/transport-stream.ts";
import { joinBytes } from "../../../ledger/bytes.ts";
import {
  associationTable,
  opening,
  packet,
  PACKET_BYTES,
  picture,
  programMap,
  sound,
  VIDEO_PID,
} from "../../support/transport-packets.ts";

function read(stream: TransportStream, bytes: Uint8Array): StreamPart[] {
  const parts = stream.read(bytes);
  if (typeof parts === "string") throw new Error(parts);
  return parts;
}

const kinds = (parts: readonly StreamPart[]): string[] =>
  parts.map(({ kind, isKey, bytes }) => {
    return `${isKey ? "key " : ""}${kind} ${bytes.length / PACKET_BYTES}`;
  });

describe("a transport stream", () => {
  test("is told apart into tables, pictures and what follows them", () => {
    const stream = new TransportStream(10_000);
    const bytes = joinBytes([
      opening(),
      picture({ isKey: false, packets: 3 }),
      picture({ isKey: false, packets: 1 }),
    ]);
    expect(kinds(read(stream, bytes))).toEqual([
      "tables 2",
      "key picture 2",
      "picture 3",
      "picture 1",
    ]);
    const late = joinBytes([packet(VIDEO_PID, []), associationTable(), packet(VIDEO_PID, [])]);
    expect(kinds(read(stream, late))).toEqual(["rest 1", "tables 1", "rest 1"]);
  });

  test("passes on neither sound nor anything else that is no video", () => {
    const stream = new TransportStream(10_000);
    const other = joinBytes([packet(17, [0, 0x42], { isStart: true }), packet(0x1fff, [])]);
    const parts = read(stream, joinBytes([sound(), opening(), sound(), other, programMap()]));
    expect(kinds(parts)).toEqual(["tables 2", "key picture 2", "tables 1"]);
  });

  test("keeps its newest tables for those who come later", () => {
    const stream = new TransportStream(10_000);
    expect(stream.tables).toEqual([]);
    read(stream, opening());
    expect(stream.tables).toEqual([associationTable(), programMap()]);
    read(stream, associationTable(4097));
    expect(stream.tables[0]).toEqual(associationTable(4097));
  });

  test("follows a transcoder that was started anew with other numbers", () => {
    const stream = new TransportStream(10_000);
    read(stream, opening());
    const anew = joinBytes([picture({ isKey: true, pid: 300 }), picture({ isKey: false })]);
    expect(kinds(read(stream, anew))).toEqual(["key picture 2", "picture 2"]);
  });

  test.each<[string, Uint8Array, RegExp]>([
    ["nothing", new Uint8Array(0), /whole packets/],
    ["half a packet", opening().subarray(0, 100), /whole packets/],
    ["a byte too many", joinBytes([opening(), Uint8Array.of(0x47)]), /whole packets/],
    ["noise", new Uint8Array(PACKET_BYTES).fill(7), /sync byte/],
    ["a second packet out of step", joinBytes([opening(), new Uint8Array(188)]), /sync byte/],
  ])("is not %s", (_name, bytes, words) => {
    expect(new TransportStream(10_000).read(bytes)).toMatch(words);
  });

  test.each([
    ["a picture without end", (): Uint8Array => packet(VIDEO_PID, [])],
    ["tables without end", associationTable],
  ])("has no %s", (_name, more) => {
    const stream = new TransportStream(10 * PACKET_BYTES);
    read(stream, opening());
    for (let i = 0; i < 8; i++) read(stream, more());
    expect(stream.read(more())).toMatch(/a picture has more than 1880 bytes/);
  });

  test("is read the same however its packets are gathered, and loses nothing", () => {
    const piece = fc.constantFrom(
      opening(),
      picture({ isKey: true }, 1),
      picture({ isKey: false, packets: 4 }, 2),
      packet(VIDEO_PID, []),
      sound(),
      associationTable(),
    );
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 20 }), fc.nat(9), (pieces, step) => {
        const bytes = joinBytes(pieces);
        const whole = read(new TransportStream(1e6), bytes);
        const stream = new TransportStream(1e6);
        const cut: StreamPart[] = [];
        for (let at = 0; at < bytes.length; at += (step + 1) * PACKET_BYTES) {
          cut.push(...read(stream, bytes.subarray(at, at + (step + 1) * PACKET_BYTES)));
        }
        const all = (parts: readonly StreamPart[]): Uint8Array =>
          joinBytes(parts.map((part) => part.bytes));
        expect(all(cut)).toEqual(all(whole));
        const begins = (parts: readonly StreamPart[]): string[] =>
          kinds(parts.filter(({ kind }) => kind === "picture")).map((word) => word.slice(0, 5));
        expect(begins(cut)).toEqual(begins(whole));
      }),
    );
  });

  test("of any bytes is a value, never a throw", () => {
    const anyPacket = fc
      .uint8Array({ minLength: PACKET_BYTES, maxLength: PACKET_BYTES })
      .map((bytes) => Uint8Array.of(0x47, ...bytes.subarray(1)));
    fc.assert(
      fc.property(fc.array(anyPacket, { minLength: 1, maxLength: 20 }), (packets) => {
        const parts = read(new TransportStream(1e6), joinBytes(packets));
        for (const { bytes } of parts) expect(bytes.length % PACKET_BYTES).toBe(0);
      }),
    );
  });
});
