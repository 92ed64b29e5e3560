/** What all answers share, and the published log as files: types, caching, headers, and no way out of the folder. */

import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decodeEntryBundle } from "../../../ledger/tile.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import { encodeHex, encodeUtf8 } from "../../../ledger/bytes.ts";
import { readPageFiles } from "../../../hub/api/page-files.ts";
import { SERVER_LIMITS } from "../../../hub/api/server.ts";
import { Scope } from "../../support/scope.ts";
import { ApiHub, FOLDER, PEERS } from "../support/api-hub.ts";
import type { HttpAnswer } from "../support/api-hub.ts";

const scope = new Scope();
afterAll(() => scope.end());

let hub: ApiHub;

beforeAll(async () => {
  hub = await ApiHub.start(scope);
  const air = await hub.enrol("air-1");
  for (let i = 0; i < 300; i++) {
    await air.say([{ quantity: "temp", unit: "Cel", value: i, time: 1_767_225_600 + i }]);
  }
  await hub.seal();
});

describe("the published log", () => {
  test("shows as its checkpoint what the quorum has cosigned, and as pending the newest", async () => {
    expect((await hub.get("/checkpoint")).status).toBe(404);
    const pending = await hub.get("/checkpoint/pending");
    expect(pending.headers["content-type"]).toBe("text/plain; charset=utf-8");
    expect(pending.headers["cache-control"]).toBe("no-cache");
    expect(pending.text).toBe(hub.log.checkpointAt(hub.log.sealedSize));
    await hub.cosign(...PEERS);
    const { status, text } = await hub.get("/checkpoint");
    expect(status).toBe(200);
    expect(text.split("\n— ")).toHaveLength(1 + 1 + PEERS.length);
    expect(text.startsWith(pending.text.trimEnd())).toBe(true);
  });

  test("gives full tiles for ever, and partial ones for a while", async () => {
    const full = await hub.get("/tile/entries/000");
    expect(full.headers["content-type"]).toBe("application/octet-stream");
    expect(full.headers["cache-control"]).toBe("public, max-age=31536000, immutable");
    expect(decodeEntryBundle(full.body)).toHaveLength(256);
    const width = hub.log.sealedSize - 256;
    const partial = await hub.get(`/tile/0/001.p/${width}`);
    expect(partial.body).toHaveLength(32 * width);
    expect(partial.headers["cache-control"]).toBe("public, max-age=3600");
    expect((await hub.get("/tile/0/002")).status).toBe(404);
  });

  test("answers a repeated question without the body", async () => {
    for (const path of ["/tile/0/000", "/checkpoint/pending", "/api/v1/blocks"]) {
      const { etag } = (await hub.get(path)).headers;
      expect(etag).toMatch(/^"[\w-]{22}"$/);
      const again = await hub.get(path, { "if-none-match": `"other", W/${etag}` });
      expect([again.status, again.body.length, again.headers.etag]).toEqual([304, 0, etag]);
      expect((await hub.get(path, { "if-none-match": `"other"` })).status).toBe(200);
    }
  });

  test("answers HEAD with the head alone", async () => {
    const { status, body, headers } = await hub.request("HEAD", "/tile/0/000");
    expect([status, body.length, headers["content-length"]]).toEqual([200, 0, String(32 * 256)]);
  });
});

describe("the folder around the log", () => {
  const ATTEMPTS = [
    "/tile/../checkpoint",
    "/tile/../../data/commit",
    "/tile/../journal/0000000000000000.journal",
    "/tile/%2e%2e/commit",
    "/tile/..%2fcommit",
    "/tile/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "/tile/0/../../../commit",
    "/tile/0/..%5c..%5ccommit",
    "/tile//etc/passwd",
    "/tile/0/000.p/../../../commit",
    "/tile/0/000%00",
    "/tile/entries/000.p/0",
    "/tile/entries/000.p/256",
    "/tile/entries/00",
    "/tile/-1/000",
    "/tile/0/x000/000",
    "/tile/",
    "/tile",
    "/checkpoint/../commit",
    "/checkpoint/pending/../../commit",
    "/..%2f..%2fetc/passwd",
    "/index.html/../../commit",
    "//commit",
    "/.well-known/scitt-keys/..%2f..",
    "/entries/../commit",
    "/api/v1/../../commit",
  ];

  test.each(ATTEMPTS)("is out of reach by %s", async (path) => {
    const answer = await hub.request("GET", path);
    expect([400, 404]).toContain(answer.status);
    const commit = (await hub.files.read(`${FOLDER}/commit`))!;
    expect(encodeHex(answer.body)).not.toContain(encodeHex(commit));
  });
});

describe("every answer", () => {
  const answers = (): Promise<HttpAnswer[]> =>
    Promise.all(
      ["/", "/checkpoint/pending", "/api/v1/log", "/nothing", "/metrics", "/healthz"].map((path) =>
        hub.get(path),
      ),
    );

  test("says what a browser may do with it", async () => {
    for (const { headers } of await answers()) {
      expect(headers["content-security-policy"]).toContain("default-src 'none'; script-src 'self'");
      expect(headers["content-security-policy"]).toContain("frame-ancestors 'none'");
      expect(headers["x-content-type-options"]).toBe("nosniff");
      expect(headers["referrer-policy"]).toBe("no-referrer");
    }
  });

  test("may be read by other people's pages where it is public", async () => {
    for (const path of [
      "/checkpoint/pending",
      "/tile/0/000",
      "/api/v1/log",
      "/.well-known/scitt-keys",
    ]) {
      expect((await hub.get(path)).headers["access-control-allow-origin"], path).toBe("*");
    }
    for (const path of ["/", "/metrics", "/healthz"]) {
      expect((await hub.get(path)).headers["access-control-allow-origin"], path).toBeUndefined();
    }
    const asked = {
      headers: { origin: "https://a.example", "access-control-request-method": "POST" },
    };
    const preflight = await hub.request("OPTIONS", "/entries", asked);
    expect(preflight.status).toBe(204);
    expect(preflight.headers["access-control-allow-methods"]).toBe("GET, HEAD");
  });

  test("to what does not exist is a problem", async () => {
    const { status, headers, text } = await hub.get("/api/v1/nothing");
    expect([status, headers["content-type"]?.split(";")[0]]).toEqual([
      404,
      "application/problem+json",
    ]);
    expect(JSON.parse(text)).toMatchObject({ status: 404, code: "not-found" });
    expect((await hub.request("DELETE", "/api/v1/log")).status).toBe(404);
  });

  test.each(["/%ff", "/%", "/api/v1/%zz", "/tile/%c0"])(
    "to %s, which is no URL, is a problem too",
    async (path) => {
      const { status, headers, text } = await hub.request("GET", path);
      expect(status).toBe(400);
      expect(headers["content-type"]).toContain("application/problem+json");
      expect(headers["content-security-policy"]).toContain("default-src 'none'");
      expect(JSON.parse(text)).toMatchObject({ status: 400, code: "bad-request" });
    },
  );

  test("to what is no HTTP ends the connection, and nothing else", async () => {
    const socket = connect(hub.port, "127.0.0.1");
    scope.defer(() => socket.destroy());
    const answer = await new Promise<string>((resolve) => {
      let text = "";
      socket.on("data", (chunk) => (text += chunk.toString()));
      socket.on("close", () => resolve(text));
      socket.on("error", () => undefined);
      socket.write("\u0016\u0003\u0001 no HTTP at all\r\n\r\n");
    });
    expect(answer).toMatch(/^(HTTP\/1\.1 400|$)/);
    expect((await hub.get("/healthz")).text).toBe("ok\n");
  });
});

describe("strangers who", () => {
  /** Opens a connection; `closed` gives all that came, once it has ended. */
  const open = (port: number): { socket: Socket; closed: Promise<string> } => {
    const socket = connect(port, "127.0.0.1");
    scope.defer(() => socket.destroy());
    socket.on("error", () => undefined);
    const closed = new Promise<string>((resolve) => {
      let text = "";
      socket.on("data", (chunk) => (text += chunk.toString()));
      socket.on("close", () => resolve(text));
    });
    return { socket, closed };
  };

  test.each([
    ["say nothing", ""],
    ["never end the head", "GET / HTTP/1.1\r\nHost: x\r\nX: "],
    ["drip the body", "POST /entries HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\nx"],
  ])("%s are cut off at the limit", async (_name, begin) => {
    const serverLimits = { ...SERVER_LIMITS, headMsMax: 100, requestMsMax: 150, checkEveryMs: 20 };
    const slow = await ApiHub.start(scope, { serverLimits });
    const { socket, closed } = open(slow.port);
    socket.write(begin);
    const drip = setInterval(() => begin !== "" && socket.write("x"), 10);
    const text = await closed.finally(() => clearInterval(drip));
    expect(text).toMatch(/^(HTTP\/1\.1 408|$)/);
  });

  test("are cut off near the limits that are said", () => {
    const { headMsMax, requestMsMax, checkEveryMs } = SERVER_LIMITS;
    expect(checkEveryMs * 5).toBeLessThanOrEqual(Math.min(headMsMax, requestMsMax));
  });

  test("come in crowds are turned away at the bound", async () => {
    const serverLimits = { ...SERVER_LIMITS, connectionsMax: 2 };
    const small = await ApiHub.start(scope, { serverLimits });
    const first = [open(small.port), open(small.port)];
    await Promise.all(first.map(({ socket }) => once(socket, "connect")));
    expect(await open(small.port).closed).toBe("");
    for (const { socket, closed } of first) {
      socket.destroy();
      await closed;
    }
  });
});

describe("health", () => {
  test("is told in words and in figures", async () => {
    expect((await hub.get("/readyz")).text).toBe("ready\n");
    await hub.settled();
    await hub.get("/api/v1/devices/air-1");
    const { text, headers } = await hub.get("/metrics");
    expect(headers["content-type"]).toContain("text/plain");
    const figure = (name: string): number => {
      const [, value] = new RegExp(`^kerbstone_hub_${name} (.*)$`, "m").exec(text) ?? [];
      return Number(value ?? NaN);
    };
    expect(figure("sealed_height")).toBe(1);
    expect(figure("sealed_entries")).toBe(304);
    expect(figure("cosigned_entries")).toBe(304);
    expect(figure("log_entries")).toBe(304);
    expect(figure('entries_accepted_total{kind="readings"}')).toBe(300);
    expect(figure('refusals_total{code="broken-chain"}')).toBe(0);
    expect(figure('projection_lag_entries{projection="series"}')).toBe(0);
    expect(figure('projection_next_index{projection="latest"}')).toBe(304);
    expect(figure("sync_seconds_count")).toBeGreaterThan(300);
    expect(figure("devices_connected")).toBe(0);
    expect(figure('event_loop_delay_seconds{quantile="0.99"}')).toBeGreaterThan(0);
    expect(
      figure('http_request_seconds_count{method="GET",route="/api/v1/devices/:name",status="200"}'),
    ).toBeGreaterThan(0);
    const names = [...text.matchAll(/^([a-z_]+)/gm)].map(([name]) => name);
    expect(names.filter((name) => !name.startsWith("kerbstone_hub_"))).toEqual([]);
    expect(text).not.toContain("air-1");
  });
});

describe("the page", () => {
  test("that was not built is a clear word", async () => {
    const { status, text, headers } = await hub.get("/");
    expect([status, headers["content-type"]]).toEqual([200, "text/plain; charset=utf-8"]);
    expect(text).toContain("npm run build");
  });

  test("is served from memory, hashed files for ever", async () => {
    const files = new MemoryFiles();
    await files.makeFolder("/web/assets");
    await files.write("/web/index.html", encodeUtf8("<!doctype html>"));
    await files.write("/web/favicon.svg", encodeUtf8("<svg/>"));
    await files.write("/web/assets/index-4f3a.js", encodeUtf8("export {};"));
    const own = new Scope();
    const other = await ApiHub.start(own, { page: await readPageFiles(files, "/web") });
    const index = await other.get("/");
    expect([index.text, index.headers["cache-control"]]).toEqual(["<!doctype html>", "no-cache"]);
    expect(index.headers["content-type"]).toBe("text/html; charset=utf-8");
    const script = await other.get("/assets/index-4f3a.js");
    expect(script.headers["content-type"]).toBe("text/javascript; charset=utf-8");
    expect(script.headers["cache-control"]).toContain("immutable");
    expect((await other.get("/favicon.svg")).headers["content-type"]).toBe("image/svg+xml");
    expect((await other.get("/assets/other.js")).status).toBe(404);
    expect((await other.get("/assets/..%2findex.html")).status).toBe(404);
    await own.end();
  });
});
