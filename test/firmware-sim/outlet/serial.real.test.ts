/**
 * The serial outlet over a pair of pseudo terminals made by socat.
 */
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { SerialPort } from "serialport";
import { describe, expect, test } from "vitest";
import { encodeHex } from "../../../ledger/bytes.ts";
import { Sds011Board } from "../../../firmware-sim/boards/sds011.ts";
import { openSerialOutlet } from "../../../firmware-sim/outlet/serial.ts";
import type { Outlet } from "../../../firmware-sim/outlet/outlet.ts";
import { systemClock } from "../../../platform/clock.ts";
import { socat, startSerialPair } from "../../support/programs.ts";
import { lacks } from "../../support/requirements.ts";
import { testScope } from "../../support/scope.ts";

const scope = testScope();
const LIMIT_MS = 20_000;

async function openEdge(path: string): Promise<SerialPort> {
  const port = new SerialPort({ path, baudRate: 9600, autoOpen: false });
  await new Promise<void>((resolve, reject) => {
    port.open((error) => (error === null ? resolve() : reject(error)));
  });
  scope.defer(
    () =>
      new Promise<void>((resolve) => {
        if (port.isOpen) port.close(() => resolve());
        else resolve();
      }),
  );
  return port;
}

async function read(port: SerialPort, length: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  while (Buffer.concat(chunks).length < length) {
    const [chunk] = (await once(port, "data", { signal: AbortSignal.timeout(LIMIT_MS) })) as [
      Buffer,
    ];
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function openOutlet(path: string, received: (chunk: Uint8Array) => void): Promise<Outlet> {
  const outlet = await openSerialOutlet({ path, baud: 9600 }, received, systemClock);
  scope.defer(() => outlet.close());
  return outlet;
}

describe.skipIf(lacks(socat))("a serial outlet", () => {
  test("lets an SDS011 speak and answer through a real line", async () => {
    const pair = await startSerialPair(scope);
    const board = new Sds011Board({ id: 0xa160, firmware: [15, 7, 10] });
    const outlet = await openOutlet(pair.board, (chunk) => {
      for (const answer of board.receive(chunk, 0)) outlet.write(answer);
    });
    const edge = await openEdge(pair.edge);
    expect(outlet.address).toBe(`serial:${pair.board}`);
    await outlet.ready(AbortSignal.timeout(LIMIT_MS));
    const spoken = read(edge, 10);
    for (const frame of board.measure({ pm25: 123.6, pm10: 261.8 }, 0)) outlet.write(frame);
    expect(encodeHex(await spoken)).toBe("aac0d4043a0aa1601dab");
    const answered = read(edge, 10);
    edge.write(Buffer.from("aab407000000000000000000000000a16008ab", "hex"));
    expect(encodeHex(await answered)).toBe("aac5070f070aa16028ab");
  });

  test("carries every byte value unchanged, and more than a terminal's buffer", async () => {
    const pair = await startSerialPair(scope);
    const outlet = await openOutlet(pair.board, () => undefined);
    const edge = await openEdge(pair.edge);
    const chunk = Uint8Array.from({ length: 256 }, (_, at) => at);
    const count = 800;
    const received = read(edge, count * chunk.length);
    for (let i = 0; i < count; i++) {
      await outlet.ready(AbortSignal.timeout(LIMIT_MS));
      outlet.write(chunk);
    }
    const got = await received;
    expect(got).toHaveLength(count * chunk.length);
    expect(got.equals(Buffer.concat(Array<Uint8Array>(count).fill(chunk)))).toBe(true);
    expect(outlet.bytesLost).toBe(0);
  });

  test("says that the line was pulled out when it next sends", async () => {
    const pair = await startSerialPair(scope);
    const outlet = await openOutlet(pair.board, () => undefined);
    await pair.kill();
    outlet.write(Uint8Array.of(1));
    expect(await outlet.ended).toBeInstanceOf(Error);
    await outlet.close();
  });

  test("lets go of its device while it is unplugged, and takes it as soon as it is there again", async () => {
    const folder = await scope.folder("serial");
    const pair = await startSerialPair(scope, folder);
    const outlet = await openOutlet(pair.board, () => undefined);
    await outlet.unplug();
    outlet.write(Uint8Array.of(1, 2));
    expect(outlet.bytesLost).toBe(2);
    await pair.kill();
    const plugged = outlet.plug(AbortSignal.timeout(LIMIT_MS));
    await expect(
      openSerialOutlet({ path: pair.board, baud: 9600 }, () => undefined, systemClock),
    ).rejects.toThrow();
    await startSerialPair(scope, folder);
    await plugged;
    const edge = await openEdge(pair.edge);
    const spoken = read(edge, 1);
    outlet.write(Uint8Array.of(7));
    expect([...(await spoken)]).toEqual([7]);
  });

  test("stops trying at the signal", async () => {
    const pair = await startSerialPair(scope);
    const outlet = await openOutlet(pair.board, () => undefined);
    await outlet.unplug();
    await pair.kill();
    const stop = new AbortController();
    const plugged = outlet.plug(stop.signal);
    stop.abort(new Error("enough"));
    await expect(plugged).rejects.toThrow("enough");
  });

  test("cannot be opened where there is no device", async () => {
    await expect(
      openSerialOutlet({ path: "/nonexistent/tty", baud: 9600 }, () => undefined, systemClock),
    ).rejects.toThrow(/nonexistent/);
  });
});
