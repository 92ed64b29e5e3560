/** The packet guard, fed in pieces of every size, with a reader that behaves as aedes does. */

import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PacketFault, PacketGuard } from "../../../hub/broker/packet-guard.ts";

const LIMITS = { connectBytesMax: 300, packetBytesMax: 1000, unreadBytesMax: 100_000 };

/** A stream whose input the test pushes, and a reader that takes whatever it is given. */
function guarded(): {
  stream: Duplex;
  guard: PacketGuard;
  taken: () => number;
  ended: Promise<Error>;
} {
  const stream = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  const guard = new PacketGuard(stream, LIMITS);
  let bytes = 0;
  stream.on("readable", () => {
    for (let chunk = take(stream); chunk !== null; chunk = take(stream)) bytes += chunk.length;
  });
  const ended = new Promise<Error>((resolve) => stream.on("error", resolve));
  return { stream, guard, taken: () => bytes, ended };
}

function take(stream: Duplex): Uint8Array | null {
  return stream.read() as Uint8Array | null;
}

/** A packet of MQTT: type and flags, remaining length, body. */
function packet(type: number, bodyBytes: number): Uint8Array {
  const digits: number[] = [];
  let rest = bodyBytes;
  do {
    digits.push((rest % 128) | (rest >= 128 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Uint8Array.of(type << 4, ...digits, ...new Uint8Array(bodyBytes).fill(0xff));
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) await turn();
}

describe("packet guard", () => {
  test("lets whole packets through, however they are cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 1000 }), { maxLength: 6 }),
        fc.integer({ min: 1, max: 400 }),
        async (lengths, pieceBytes) => {
          const { stream, taken } = guarded();
          const bytes = Buffer.concat([
            packet(1, 20),
            ...lengths.map((length) => packet(3, length)),
          ]);
          for (let at = 0; at < bytes.length; at += pieceBytes) {
            stream.push(bytes.subarray(at, at + pieceBytes));
          }
          await settled();
          expect(taken()).toBe(bytes.length);
          expect(stream.destroyed).toBe(false);
        },
      ),
    );
  });

  test.each([
    ["a packet one byte too long", [packet(1, 20), packet(3, 1001)]],
    ["a CONNECT one byte too long", [packet(1, 301)]],
    ["a length of five digits", [packet(1, 20), Uint8Array.of(0x30, 0x80, 0x80, 0x80, 0x80, 1)]],
    ["another packet before CONNECT", [packet(3, 10)]],
  ])("ends the connection at %s", async (_name, packets) => {
    const { stream, ended } = guarded();
    for (const bytes of packets) for (const byte of bytes) stream.push(Uint8Array.of(byte));
    expect(await ended).toBeInstanceOf(PacketFault);
    expect(stream.destroyed).toBe(true);
  });

  test("refuses by the announced length, before the body comes", async () => {
    const { stream, ended, taken } = guarded();
    stream.push(packet(1, 20));
    await settled();
    stream.push(Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0x7f));
    await ended;
    expect(taken()).toBe(packet(1, 20).length);
  });

  test("hands out nothing while held, and everything afterwards", async () => {
    const { stream, guard, taken } = guarded();
    stream.push(packet(1, 20));
    await settled();
    guard.hold();
    stream.push(packet(3, 500));
    await settled();
    expect(taken()).toBe(22);
    guard.release();
    await settled();
    expect(taken()).toBe(22 + 503);
  });

  test("reads nothing from a client that does not read", async () => {
    const { stream, taken } = guarded();
    let letGo: () => void = () => undefined;
    stream._write = (_chunk, _encoding, done) => (letGo = () => done());
    stream.write(new Uint8Array(200_000));
    stream.push(packet(1, 20));
    await settled();
    expect(taken()).toBe(0);
    letGo();
    await settled();
    expect(taken()).toBe(22);
  });
});
