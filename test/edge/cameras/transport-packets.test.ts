/** Packets cut at every byte, and streams with dirt in them. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TransportPackets } from "../../../edge/cameras/transport-packets.ts";
import { equalBytes, joinBytes } from "../../../ledger/bytes.ts";
import { opening, PACKET_BYTES, picture } from "../../support/transport-packets.ts";

const STREAM = joinBytes([
  opening(1),
  picture({ isKey: false, packets: 3 }, 2),
  picture({ isKey: true, packets: 5 }, 3),
]);

describe("packets", () => {
  test("are whole wherever the pieces are cut", () => {
    for (let at = 0; at <= STREAM.length; at++) {
      const packets = new TransportPackets(65_535);
      const first = packets.push(STREAM.slice(0, at));
      const second = packets.push(STREAM.slice(at));
      expect(equalBytes(joinBytes([...first, ...second]), STREAM)).toBe(true);
      expect([...first, ...second].every(({ length }) => length % PACKET_BYTES === 0)).toBe(true);
      expect(packets.bytesSkipped).toBe(0);
    }
  });

  test("come byte by byte as well", () => {
    const packets = new TransportPackets(65_535);
    const messages = Array.from(STREAM, (byte) => packets.push(Uint8Array.of(byte))).flat();
    expect(messages).toHaveLength(STREAM.length / PACKET_BYTES);
    expect(joinBytes(messages)).toEqual(STREAM);
  });

  test("are gathered into messages of at most so many bytes", () => {
    const messages = new TransportPackets(4 * PACKET_BYTES + 7).push(STREAM);
    expect(messages.map(({ length }) => length / PACKET_BYTES)).toEqual([4, 4, 4]);
    expect(joinBytes(messages)).toEqual(STREAM);
  });

  test("are found again behind dirt, wherever that lies, and the dirt is counted", () => {
    // No sync byte in it: what looks like a packet can only be told from one by what follows.
    const dirt = new Uint8Array(100).fill(0x11);
    // Of a stream that begins with a single packet and dirt, that packet looks like dirt as well.
    for (let count = 0; count < STREAM.length / PACKET_BYTES; count += count === 0 ? 2 : 1) {
      const at = count * PACKET_BYTES;
      const packets = new TransportPackets(65_535);
      const bytes = joinBytes([STREAM.slice(0, at), dirt, STREAM.slice(at)]);
      expect(joinBytes(packets.push(bytes))).toEqual(STREAM);
      expect(packets.bytesSkipped).toBe(dirt.length);
    }
  });

  test("begin again after a byte that looks like a beginning and is none", () => {
    const packets = new TransportPackets(65_535);
    const bytes = joinBytes([Uint8Array.of(0x47, 1, 2, 3), STREAM]);
    expect(joinBytes(packets.push(bytes))).toEqual(STREAM);
  });

  test("of any bytes begin with their sync byte, and nothing is given twice", () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 600 }), { maxLength: 10 });
    fc.assert(
      fc.property(pieces, (chunks) => {
        const packets = new TransportPackets(1_000);
        let given = 0;
        for (const chunk of chunks) {
          for (const message of packets.push(chunk)) {
            given += message.length;
            for (let at = 0; at < message.length; at += PACKET_BYTES) {
              expect(message[at]).toBe(0x47);
            }
          }
        }
        const total = chunks.reduce((sum, { length }) => sum + length, 0);
        expect(given + packets.bytesSkipped).toBeLessThanOrEqual(total);
        expect(total - given - packets.bytesSkipped).toBeLessThan(PACKET_BYTES);
      }),
    );
  });
});
