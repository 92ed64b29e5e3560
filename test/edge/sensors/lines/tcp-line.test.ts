/** The TCP line against a real server on loopback, which is cut, comes back, and does not read. */
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { encodeUtf8 } from "../../../../ledger/bytes.ts";
import { systemClock } from "../../../../platform/clock.ts";
import { seededRandom } from "../../../../platform/random.ts";
import { connectTo } from "../../../../edge/sensors/lines/connect.ts";
import { Line } from "../../../../edge/sensors/lines/line.ts";
import { tcpConnect } from "../../../../edge/sensors/lines/tcp-line.ts";
import { eventually } from "../../../support/process.ts";

const servers: Server[] = [];
const sockets: Socket[] = [];

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

/** A converter that shows its connections. */
async function converter(port = 0): Promise<{ port: number; server: Server; clients: Socket[] }> {
  const clients: Socket[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    clients.push(socket);
    sockets.push(socket);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return { port: (server.address() as AddressInfo).port, server, clients };
}

function client<T>(clients: readonly T[], at: number): Promise<T> {
  return eventually(`client ${at}`, () => clients[at]);
}

test("carries bytes both ways, and opens again when the converter comes back", async () => {
  const first = await converter();
  const heard: string[] = [];
  const decoder = new TextDecoder();
  const line = new Line({
    connect: connectTo({ kind: "tcp", host: "127.0.0.1", port: first.port }, systemClock),
    handlers: {
      opened: () => heard.push("opened"),
      bytes: (chunk) => heard.push(decoder.decode(chunk)),
      closed: (_, cause) => heard.push(cause === undefined ? "closed" : "failed"),
      silent: () => heard.push("silent"),
    },
    clock: systemClock,
    random: seededRandom(2),
  });
  const abort = new AbortController();
  const running = line.run(abort.signal);

  const before = await client(first.clients, 0);
  before.write("pm25=1\n");
  await eventually("bytes", () => heard.includes("pm25=1\n") || undefined);
  const received: string[] = [];
  before.on("data", (bytes: Uint8Array) => received.push(decoder.decode(bytes)));
  const command = encodeUtf8("hello");
  expect(line.write(command)).toBe(true);
  command.fill(0);
  await eventually("the command", () => received.join("") === "hello" || undefined);

  await new Promise<void>((resolve) => {
    first.server.close(() => resolve());
    before.resetAndDestroy();
  });
  await eventually("the loss", () => heard.includes("failed") || undefined);
  const second = await converter(first.port);
  const after = await client(second.clients, 0);
  after.end("pm25=2\n");
  await eventually("bytes", () => heard.includes("pm25=2\n") || undefined);
  await eventually("a clean end", () => heard.includes("closed") || undefined);

  await client(second.clients, 1);
  await eventually("open", () => line.state === "open" || undefined);
  abort.abort();
  await running;
  expect(line.state).toBe("closed");
  expect(line.counters()).toMatchObject({ opened: 3, lost: 2, bytesRead: 14, bytesWritten: 5 });
});

describe("a connection", () => {
  const ignored = { bytes: () => undefined, closed: () => undefined };

  test("that nobody accepts is refused with the system's error", async () => {
    const { port, server } = await converter();
    await new Promise((resolve) => server.close(resolve));
    const connect = tcpConnect({ kind: "tcp", host: "127.0.0.1", port });
    await expect(connect(ignored, new AbortController().signal)).rejects.toMatchObject({
      code: "ECONNREFUSED",
    });
  });

  test("is not opened after an abort", async () => {
    const { port } = await converter();
    const connect = tcpConnect({ kind: "tcp", host: "127.0.0.1", port });
    await expect(connect(ignored, AbortSignal.abort(new Error("enough")))).rejects.toThrow(
      "enough",
    );
  });

  test("drops what would have to wait too long, and closes all the same", async () => {
    const { port, clients } = await converter();
    const connect = tcpConnect({ kind: "tcp", host: "127.0.0.1", port });
    const connection = await connect(ignored, new AbortController().signal);
    (await client(clients, 0)).pause();
    expect(connection.write(new Uint8Array(4097))).toBe(false);
    await eventually(
      "a full connection",
      () => !connection.write(new Uint8Array(4096)) || undefined,
      30_000,
      0,
    );
    await connection.close();
    await connection.close();
    expect(connection.write(Uint8Array.of(1))).toBe(false);
  });
});
