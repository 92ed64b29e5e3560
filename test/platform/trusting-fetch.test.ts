/** `fetch` with an authority of one's own, against a real TLS server: who is believed, and that answers end as they should. */
import { once } from "node:events";
import type { RequestListener } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { encodeUtf8 } from "../../ledger/bytes.ts";
import { systemClock } from "../../platform/clock.ts";
import { HttpClient } from "../../platform/http-client.ts";
import { seededRandom } from "../../platform/random.ts";
import { trustingFetch } from "../../platform/trusting-fetch.ts";
import { testScope } from "../support/scope.ts";
import { TEST_CERTIFICATE, TEST_CERTIFICATE_KEY } from "../support/test-certificate.ts";

const scope = testScope();
const ours = trustingFetch(encodeUtf8(TEST_CERTIFICATE));

function client(timeoutMs = 20_000, fetch = ours): HttpClient {
  const random = seededRandom("tls");
  return new HttpClient({
    clock: systemClock,
    random,
    timeoutMs,
    attemptsMax: 1,
    bytesMax: 1_000,
    fetch,
  });
}

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer({ cert: TEST_CERTIFICATE, key: TEST_CERTIFICATE_KEY }, listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  scope.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

test("an answer with status, headers and body, to what was sent", async () => {
  const url = await serve((request, response) => {
    void text(request).then((said) => {
      response
        .writeHead(418, { "x-a": ["b", "c"] })
        .end(`${request.method} ${said} ${String(request.headers["x-q"])}`);
    });
  });
  const reply = await client().post(url, { body: "tea?", headers: { "x-q": "1" } });
  expect([reply.status, reply.headers.get("x-a")]).toEqual([418, "b, c"]);
  expect(reply.body).toEqual(encodeUtf8("POST tea? 1"));
});

test("an answer without a body, and one that sends the asker elsewhere, are answers", async () => {
  const url = await serve((request, response) => {
    if (request.url === "/empty") response.writeHead(204).end();
    else response.writeHead(302, { location: "http://127.0.0.1:9/" }).end();
  });
  expect((await client().get(`${url}empty`)).status).toBe(204);
  expect((await client().get(url)).status).toBe(302);
});

test("whoever else's certificate is not believed", async () => {
  const url = await serve((_, response) => response.end());
  await expect(client(20_000, fetch).get(url)).rejects.toThrow(/certificate/);
  const other = new URL(url);
  other.hostname = "127.0.0.2";
  await expect(client().get(other.href)).rejects.toThrow(/cannot be reached/);
});

test("one that says nothing, too much, or half is given up", async () => {
  const silent = await serve(() => undefined);
  await expect(client(50).get(silent)).rejects.toMatchObject({ reason: "timeout" });
  const half = await serve((_, response) => response.writeHead(200).write("x"));
  await expect(client(300).get(half)).rejects.toMatchObject({ reason: "timeout" });
  const long = await serve((_, response) => response.end("x".repeat(2_000)));
  await expect(client().get(long)).rejects.toMatchObject({ reason: "too-large" });
  const cut = await serve((_, response) => {
    response.writeHead(200, { "content-length": "9" });
    response.write("x", () => response.destroy());
  });
  await expect(client().get(cut)).rejects.toMatchObject({ reason: "unreachable" });
});

test("a request that is called off ends with the caller's reason", async () => {
  const stop = new AbortController();
  const url = await serve(() => stop.abort(new Error("enough")));
  await expect(client().get(url, { signal: stop.signal })).rejects.toThrow("enough");
});
