/** The server for pushes over real sockets: who is heard, what is answered, and that nobody can hold it up. */
import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import { decodeUtf8 } from "../../../../ledger/bytes.ts";
import type { Connection } from "../../../../edge/sensors/lines/line.ts";
import { PushServer } from "../../../../edge/sensors/lines/push-server.ts";
import type { PushServerParts } from "../../../../edge/sensors/lines/push-server.ts";
import { systemClock } from "../../../../platform/clock.ts";
import type { Logger } from "../../../../platform/log.ts";
import { silentLogger } from "../../../../platform/log.ts";
import { eventually } from "../../../support/process.ts";
import { testScope } from "../../../support/scope.ts";

const BOARD = "esp8266-1";
const scope = testScope();

interface Heard {
  readonly lines: string[];
  readonly closed: (Error | undefined)[];
  refused: number;
}

/** A server on a free port, and what it has logged. */
function makeServer(parts: Partial<PushServerParts> = {}): {
  server: PushServer;
  url: () => string;
  log: object[];
} {
  const log: object[] = [];
  const note = (fields: object, message: string): void => void log.push({ ...fields, message });
  const logger: Logger = { ...silentLogger, info: note, warn: note };
  const server = new PushServer({
    access: { listen: { host: "127.0.0.1", port: 0 } },
    clock: systemClock,
    logger,
    ...parts,
  });
  const url = (): string =>
    log.flatMap((line) => ("url" in line ? [line.url as string] : [])).at(-1)!;
  return { server, url, log };
}

/** Opens the line to a board whose driver takes so many readings. */
async function openLine(
  server: PushServer,
  readings = 1,
  board = BOARD,
): Promise<{ heard: Heard; connection: Connection }> {
  const heard: Heard = { lines: [], closed: [], refused: 0 };
  const connection = await server.connectTo({ kind: "push", board })(
    {
      bytes: (chunk) => {
        heard.lines.push(decodeUtf8(chunk)!.trim());
        return readings;
      },
      closed: (cause) => heard.closed.push(cause),
      refused: (bytes) => (heard.refused += bytes),
    },
    new AbortController().signal,
  );
  scope.defer(() => connection.close());
  return { heard, connection };
}

async function post(url: string, init: RequestInit = {}): Promise<[number, string]> {
  const reply = await fetch(url, {
    method: "POST",
    body: "{}",
    ...init,
    headers: { "x-sensor": BOARD, ...(init.headers as Record<string, string>) },
  });
  return [reply.status, (await reply.text()).trim()];
}

describe("a push", () => {
  test("reaches every line of its board, at any path, and is answered by what the driver took", async () => {
    const { server, url } = makeServer();
    const [taker, other, refuser] = [
      await openLine(server, 2),
      await openLine(server, 0),
      await openLine(server, 0, "esp8266-2"),
    ];
    expect(await post(`${url()}data.php`, { body: '{"a":1}' })).toEqual([200, "ok"]);
    const line = `{"topic":"${BOARD}","payload":{"a":1}}`;
    expect(taker.heard.lines).toEqual([line]);
    expect(other.heard.lines).toEqual([line]);
    const [status, text] = await post(url(), { headers: { "x-sensor": "esp8266-2" } });
    expect([status, text]).toEqual([422, "no value in it that the sensor's driver takes"]);
    expect(refuser.heard.lines).toHaveLength(1);
    expect(server.counters()).toMatchObject({ 200: 1, 422: 1, 403: 0 });
  });

  test("of a board that no sensor names is refused, and said once", async () => {
    const { server, url, log } = makeServer();
    await openLine(server);
    for (let round = 0; round < 3; round++) {
      const [status, text] = await post(url(), { headers: { "x-sensor": "esp8266-9" } });
      expect([status, text]).toEqual([403, "no sensor of the settings is called push:esp8266-9"]);
    }
    expect(log.filter((line) => "board" in line)).toHaveLength(1);
    expect(server.counters()).toMatchObject({ 403: 3 });
  });

  test.each([
    ["GET", { method: "GET", body: null }, 405],
    ["PUT", { method: "PUT" }, 405],
    ["too long", { body: "x".repeat(16_385) }, 413],
    ["too long without saying so", { body: streamOf("x".repeat(9_000), 3), duplex: "half" }, 413],
    ["no JSON", { body: "hello" }, 422],
  ])("is refused: %s", async (_, init, status) => {
    const { server, url } = makeServer();
    const { heard } = await openLine(server);
    expect((await post(url(), init as RequestInit))[0]).toBe(status);
    expect(heard.lines).toEqual([]);
    // And the next one is taken all the same.
    expect((await post(url()))[0]).toBe(200);
  });

  test("needs the login, where there is one", async () => {
    const login = { username: "boards", password: "secret" };
    const access = { listen: { host: "127.0.0.1", port: 0 }, login };
    const { server, url } = makeServer({ access });
    await openLine(server);
    expect((await post(url()))[0]).toBe(401);
    const basic = (text: string): Record<string, string> => ({
      authorization: `Basic ${btoa(text)}`,
    });
    expect((await post(url(), { headers: basic("boards:secrex") }))[0]).toBe(401);
    expect((await post(url(), { headers: basic("boards:secret") }))[0]).toBe(200);
  });

  test("that comes too often is told so", async () => {
    const { server, url } = makeServer();
    const { heard } = await openLine(server);
    const statuses = [];
    for (let at = 0; at < 60; at++) statuses.push((await post(url()))[0]);
    expect(statuses.slice(0, 20)).toEqual(Array.from({ length: 20 }, () => 200));
    expect(statuses).toContain(429);
    expect(heard.lines.length).toBeLessThan(60);
    expect(heard.refused).toBeGreaterThan(0);
  });
});

describe("a server", () => {
  test("listens while a line is open, and again for the next one", async () => {
    const { server, url } = makeServer();
    const [one, two] = [await openLine(server), await openLine(server)];
    const first = url();
    await one.connection.close();
    await one.connection.close();
    expect(one.heard.closed).toEqual([undefined]);
    expect((await post(first))[0]).toBe(200);
    await two.connection.close();
    await expect(fetch(first)).rejects.toThrow("fetch failed");
    await openLine(server);
    expect((await post(url()))[0]).toBe(200);
  });

  test("whose address is taken says so to each line, and nothing stays open", async () => {
    const { server, url } = makeServer();
    const { connection } = await openLine(server);
    const port = Number(new URL(url()).port);
    const second = makeServer({ access: { listen: { host: "127.0.0.1", port } } });
    await expect(openLine(second.server)).rejects.toThrow("EADDRINUSE");
    await connection.close();
    await openLine(second.server);
    expect((await post(second.url()))[0]).toBe(200);
  });

  test("cuts off who sends too slowly, and those who open too many connections", async () => {
    const limits = { headersMs: 300, requestMs: 600, lookMs: 50 };
    const { server, url } = makeServer({ limits });
    await openLine(server);
    const port = Number(new URL(url()).port);
    const ends: string[] = [];
    /** Says this, then a byte now and then. */
    const drip = (name: string, head: string): void => {
      const socket = connect(port, "127.0.0.1");
      scope.defer(() => socket.destroy());
      socket.on("error", () => undefined);
      socket.once("close", () => ends.push(name));
      socket.write(head);
      const next = (): void => {
        if (socket.destroyed) return;
        socket.write("x");
        systemClock.after(50, next);
      };
      next();
    };
    drip("headers", "POST / HTTP/1.1\r\nHost: x\r\nX-");
    drip("body", `POST / HTTP/1.1\r\nHost: x\r\nX-Sensor: ${BOARD}\r\nContent-Length: 900\r\n\r\n`);
    await eventually("both are cut off", async () => (ends.length === 2 ? true : undefined));
    for (let at = 0; at < 9; at++) {
      const socket = connect(port, "127.0.0.1");
      scope.defer(() => socket.destroy());
      socket.on("error", () => undefined);
      socket.once("close", () => ends.push("many"));
    }
    await eventually("one is too many", async () => (ends.includes("many") ? true : undefined));
    // Idle ones are cut off as well, and boards come through again.
    await eventually("a board comes through", async () =>
      (await post(url()))[0] === 200 ? true : undefined,
    );
  });
});

/** A body of so many pieces, whose length is not said beforehand. */
function streamOf(text: string, pieces: number): ReadableStream<Uint8Array> {
  let left = pieces;
  return new ReadableStream({
    pull: (controller) => {
      if (left-- > 0) controller.enqueue(new TextEncoder().encode(text));
      else controller.close();
    },
  });
}
