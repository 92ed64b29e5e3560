/**
 * The TCP outlet over real sockets.
 */
import type { Buffer } from "node:buffer";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { openTcpOutlet } from "../../../firmware-sim/outlet/tcp.ts";
import { type Outlet, WAITING_BYTES_MAX } from "../../../firmware-sim/outlet/outlet.ts";
import { systemClock } from "../../../platform/clock.ts";
import { testScope } from "../../support/scope.ts";

const scope = testScope();

async function open(received: (chunk: Uint8Array) => void = () => undefined): Promise<Outlet> {
  const outlet = await openTcpOutlet({ host: "127.0.0.1", port: 0 }, received, systemClock);
  scope.defer(() => outlet.close());
  return outlet;
}

async function dial(outlet: Outlet): Promise<Socket> {
  const { hostname, port } = new URL(outlet.address);
  const socket = connect(Number(port), hostname);
  scope.defer(() => socket.destroy());
  await once(socket, "connect");
  return socket;
}

function soon(): AbortSignal {
  return AbortSignal.timeout(10_000);
}

describe("a TCP outlet", () => {
  test("carries bytes both ways", async () => {
    let heard: (chunk: Uint8Array) => void = () => undefined;
    const arrived = new Promise<Uint8Array>((resolve) => {
      heard = resolve;
    });
    const outlet = await open((chunk) => heard(chunk));
    const socket = await dial(outlet);
    await outlet.ready(soon());
    outlet.write(Uint8Array.of(1, 2, 3));
    const [data] = (await once(socket, "data")) as [Buffer];
    expect([...data]).toEqual([1, 2, 3]);
    socket.write(Uint8Array.of(9));
    expect([...(await arrived)]).toEqual([9]);
  });

  test("loses and counts what nobody reads", async () => {
    const outlet = await open();
    outlet.write(Uint8Array.of(1, 2, 3));
    expect(outlet.bytesLost).toBe(3);
  });

  test("serves who came last", async () => {
    const outlet = await open();
    const first = await dial(outlet);
    await outlet.ready(soon());
    const gone = once(first, "close");
    const second = await dial(outlet);
    await gone;
    await outlet.ready(soon());
    outlet.write(Uint8Array.of(7));
    const [data] = (await once(second, "data")) as [Buffer];
    expect([...data]).toEqual([7]);
  });

  test("loses nothing for those who wait for a slow reader", async () => {
    const outlet = await open();
    const socket = await dial(outlet);
    const chunk = new Uint8Array(10_000).fill(5);
    const count = 800;
    const sent = (async (): Promise<void> => {
      for (let i = 0; i < count; i++) {
        await outlet.ready(soon());
        outlet.write(chunk);
      }
    })();
    let length = 0;
    for await (const data of socket as AsyncIterable<Buffer>) {
      length += data.length;
      if (length === count * chunk.length) break;
    }
    await sent;
    expect(length).toBe(count * chunk.length);
    expect(outlet.bytesLost).toBe(0);
  });

  test("keeps a bounded amount for a reader who does not read", async () => {
    const outlet = await open();
    const socket = await dial(outlet);
    socket.pause();
    await outlet.ready(soon());
    const chunk = new Uint8Array(64_000);
    for (let i = 0; i < 1000; i++) outlet.write(chunk);
    expect(outlet.bytesLost).toBeGreaterThan(64_000_000 - 2 * WAITING_BYTES_MAX - 16_000_000);
  });

  test("sends all before it closes, and frees the port", async () => {
    const outlet = await open();
    const socket = await dial(outlet);
    await outlet.ready(soon());
    outlet.write(new Uint8Array(50_000));
    const closing = outlet.close();
    let length = 0;
    for await (const data of socket as AsyncIterable<Buffer>) length += data.length;
    await closing;
    expect(length).toBe(50_000);
    expect(await outlet.ended).toBeUndefined();
    await outlet.close();
    const { port } = new URL(outlet.address);
    const again = await openTcpOutlet(
      { host: "127.0.0.1", port: Number(port) },
      () => undefined,
      systemClock,
    );
    await again.close();
  });

  test("cuts off and refuses everybody while it is unplugged, and has the same port again", async () => {
    const outlet = await open();
    const { address } = outlet;
    const socket = await dial(outlet);
    await outlet.ready(soon());
    const reset = once(socket, "error");
    await outlet.unplug();
    expect((await reset)[0]).toMatchObject({ code: "ECONNRESET" });
    await expect(dial(outlet)).rejects.toThrow("ECONNREFUSED");
    outlet.write(Uint8Array.of(1, 2, 3));
    expect(outlet.bytesLost).toBe(3);
    await outlet.plug(soon());
    await outlet.plug(soon());
    expect(outlet.address).toBe(address);
    const again = await dial(outlet);
    await outlet.ready(soon());
    outlet.write(Uint8Array.of(7));
    const [data] = (await once(again, "data")) as [Buffer];
    expect([...data]).toEqual([7]);
  });

  test("is not plugged in where somebody else listens meanwhile, and closes all the same", async () => {
    const outlet = await open();
    await outlet.unplug();
    const { port } = new URL(outlet.address);
    const thief = await openTcpOutlet(
      { host: "127.0.0.1", port: Number(port) },
      () => undefined,
      systemClock,
    );
    await expect(outlet.plug(soon())).rejects.toMatchObject({ code: "EADDRINUSE" });
    await thief.close();
    await outlet.close();
    expect(await outlet.ended).toBeUndefined();
  });

  test("stops waiting at the signal", async () => {
    const outlet = await open();
    const controller = new AbortController();
    const waiting = outlet.ready(controller.signal);
    controller.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    await expect(outlet.ready(controller.signal)).rejects.toThrow("enough");
  });

  test("refuses a port that is taken", async () => {
    const { port } = new URL((await open()).address);
    await expect(
      openTcpOutlet({ host: "127.0.0.1", port: Number(port) }, () => undefined, systemClock),
    ).rejects.toMatchObject({ code: "EADDRINUSE" });
  });
});
