/** HTTP requests with limits, against a real server on loopback that misbehaves on demand; and the log source on it. */
import { once } from "node:events";
import { type RequestListener, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { encodeUtf8 } from "../../ledger/bytes.ts";
import { ManualClock, systemClock } from "../../platform/clock.ts";
import { HttpClient, type HttpClientOptions, HttpFailure } from "../../platform/http-client.ts";
import { folderSource, httpSource } from "../../platform/log-source.ts";
import { MemoryFiles } from "../../platform/memory-files.ts";
import { seededRandom } from "../../platform/random.ts";
import { freePort } from "../support/ports.ts";
import { testScope } from "../support/scope.ts";

const scope = testScope();

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  scope.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A clock on which waits between attempts pass at once, and are noted. */
function hurriedClock(): { clock: ManualClock; waits: number[] } {
  const waits: number[] = [];
  const clock = new ManualClock(Date.UTC(2026, 0, 1));
  clock.sleep = async (ms) => {
    waits.push(ms);
  };
  return { clock, waits };
}

function client(options: Partial<HttpClientOptions> = {}): HttpClient {
  return new HttpClient({ clock: systemClock, random: seededRandom("http"), ...options });
}

async function failure(promise: Promise<unknown>): Promise<HttpFailure> {
  const error: unknown = await promise.catch((reason: unknown) => reason);
  if (!(error instanceof HttpFailure)) throw new Error("expected an HttpFailure", { cause: error });
  return error;
}

describe("HttpClient", () => {
  test("any status is an answer, with headers and body", async () => {
    const url = await serve((_, response) => response.writeHead(418, { "x-a": "b" }).end("tea"));
    const reply = await client().get(url);
    expect([reply.status, reply.headers.get("x-a"), reply.body]).toEqual([
      418,
      "b",
      encodeUtf8("tea"),
    ]);
  });

  test("sends bodies and headers", async () => {
    const url = await serve((request, response) => {
      const type = request.headers["content-type"];
      void text(request).then((body) => response.end(`${request.method} ${type} ${body}`));
    });
    const reply = await client().post(url, {
      body: encodeUtf8("note"),
      headers: { "content-type": "text/x" },
    });
    expect(new TextDecoder().decode(reply.body)).toBe("POST text/x note");
  });

  test("a server that does not answer, or not to the end, is given up at the limit", async () => {
    const url = await serve((request, response) => {
      if (request.url === "/slow") response.writeHead(200).write("beginning");
    });
    for (const path of ["/silent", "/slow"]) {
      const error = await failure(client({ timeoutMs: 50, attemptsMax: 1 }).get(url + path));
      expect([error.reason, error.message]).toEqual([
        "timeout",
        `${url}${path} did not answer within 50 ms`,
      ]);
    }
  });

  test("an answer beyond the byte limit is cut off, once", async () => {
    let requests = 0;
    const url = await serve((_, response) => {
      requests++;
      response.end(new Uint8Array(5000));
    });
    expect((await failure(client({ bytesMax: 4999 }).get(url))).reason).toBe("too-large");
    expect(requests).toBe(1);
    expect((await client({ bytesMax: 5000 }).get(url)).body.length).toBe(5000);
  });

  test("tries again while the server says not now, and waits as it asks", async () => {
    let requests = 0;
    const url = await serve((_, response) => {
      requests++;
      if (requests === 1) response.writeHead(503, { "retry-after": "7" }).end();
      else if (requests === 2) response.writeHead(429).end();
      else response.end("at last");
    });
    const { clock, waits } = hurriedClock();
    expect((await client({ clock }).get(url)).status).toBe(200);
    expect(waits.length).toBe(2);
    expect(waits[0]).toBe(7000);
    expect(waits[1]).toBeLessThanOrEqual(1000);
  });

  test("gives the last answer when the attempts are used up, and at once when asked to wait for long", async () => {
    let requests = 0;
    const url = await serve((request, response) => {
      requests++;
      const wait = request.url === "/long" ? { "retry-after": "3600" } : {};
      response.writeHead(503, wait).end();
    });
    const { clock } = hurriedClock();
    expect((await client({ clock, attemptsMax: 3 }).get(url)).status).toBe(503);
    expect(requests).toBe(3);
    expect((await client({ clock }).get(`${url}/long`)).status).toBe(503);
    expect(requests).toBe(4);
  });

  test("a POST is sent once, unless it may be repeated", async () => {
    let requests = 0;
    const url = await serve((_, response) => {
      requests++;
      response.socket?.destroy();
    });
    const { clock } = hurriedClock();
    expect((await failure(client({ clock }).post(url))).reason).toBe("unreachable");
    expect(requests).toBe(1);
    await failure(client({ clock, attemptsMax: 2 }).post(url, { repeatable: true }));
    expect(requests).toBe(3);
  });

  test("nobody there is told with the reason", async () => {
    const error = await failure(
      client({ attemptsMax: 1 }).get(`http://127.0.0.1:${await freePort()}/`),
    );
    expect(error.reason).toBe("unreachable");
    expect(error.message).toMatch(/cannot be reached: .*ECONNREFUSED/);
  });

  test("the caller's signal ends requests and waits with its own reason", async () => {
    const url = await serve(() => undefined);
    const stop = new AbortController();
    const asked = client().get(url, { signal: stop.signal });
    stop.abort(new Error("going home"));
    await expect(asked).rejects.toThrow("going home");
    await expect(client().get(url, { signal: stop.signal })).rejects.toThrow("going home");
  });
});

describe("LogSource", () => {
  test("reads the same from a folder and from the web", async () => {
    const files = new MemoryFiles();
    await files.makeFolder("/log/tile/0");
    await files.write("/log/checkpoint", encodeUtf8("note"));
    await files.write("/log/tile/0/000", Uint8Array.of(1, 2));
    const folder = folderSource(files, "/log");
    const url = await serve((request, response) => {
      void folder.read((request.url ?? "").replace("/deep/log/", "")).then((found) => {
        if (found === undefined) response.writeHead(404).end();
        else response.end(found);
      });
    });
    for (const source of [
      folder,
      httpSource(`${url}/deep/log`, client()),
      httpSource(`${url}/deep/log/`, client()),
    ]) {
      expect(await source.read("checkpoint")).toEqual(encodeUtf8("note"));
      expect(await source.read("tile/0/000")).toEqual(Uint8Array.of(1, 2));
      expect(await source.read("tile/1/000.p/3")).toBeUndefined();
      for (const bad of ["../key", "/etc/passwd", "tile/../../key", "", ".lock/x", "a//b"]) {
        await expect(source.read(bad)).rejects.toThrow("no path of a log");
      }
    }
  });

  test("an error of the server is not taken for an absent file", async () => {
    const url = await serve((_, response) => response.writeHead(500).end());
    await expect(httpSource(url, client()).read("checkpoint")).rejects.toThrow("status 500");
  });
});
