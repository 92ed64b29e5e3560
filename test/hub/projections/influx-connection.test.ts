/** A server in InfluxDB's place that refuses, talks for ever, or falls silent: what the mirror's target makes of it. */

import { Buffer } from "node:buffer";
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import { pino, stdSerializers } from "pino";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { InfluxTarget, parseInfluxUrl } from "../../../hub/projections/influx-target.ts";
import { systemClock } from "../../../platform/clock.ts";
import { UserError } from "../../../platform/user-error.ts";
import { Scope } from "../../support/scope.ts";

const LOGIN = Buffer.from("mirror:hunter2").toString("base64");
const LIMITS = { bytesMax: 100_000, timeoutMs: 10_000 };
const point = { measurement: "air", device: "air-1", timeMs: 1, entry: 2, fields: new Map() };

let scope: Scope;
beforeEach(() => {
  scope = new Scope();
});
afterEach(() => scope.end());

/** A target whose server answers like this. */
async function targetOf(answer: RequestListener, limits = LIMITS): Promise<InfluxTarget> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  scope.defer(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  const { port } = server.address() as AddressInfo;
  const url = parseInfluxUrl(`http://mirror:hunter2@127.0.0.1:${port}/city`);
  return new InfluxTarget(url, systemClock, limits);
}

/** Everything that can be seen of an error, in a log or elsewhere. */
function allOf(error: unknown): string {
  const lines: string[] = [];
  const serializers = { error: stdSerializers.err };
  pino({ serializers }, { write: (line) => void lines.push(line) }).error({ error }, "failed");
  return lines.join("") + inspect(error, { depth: 10, showHidden: true });
}

async function failureOf(run: Promise<unknown>): Promise<Error> {
  const outcome = await run.catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(Error);
  return outcome as Error;
}

/** Writes for as long as somebody listens. */
function endless(status: number): { answer: RequestListener; ended: Promise<void> } {
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const answer: RequestListener = (_request, response) => {
    response.writeHead(status);
    const more = (): void => {
      if (!response.destroyed) setImmediate(more);
      if (!response.writableNeedDrain) response.write(" ".repeat(16_384));
    };
    response.on("close", end);
    response.on("error", () => undefined);
    more();
  };
  return { answer, ended };
}

describe("an error of InfluxDB", () => {
  test.each([400, 401, 404, 500])("with status %i shows nothing of the login", async (status) => {
    const target = await targetOf((request, response) => {
      request.resume();
      expect(request.headers.authorization).toBe(`Basic ${LOGIN}`);
      response.writeHead(status).end("authorization failed");
    });
    const error = await failureOf(target.ensure());
    expect(allOf(error)).toContain(status === 500 ? "Internal Server Error" : `A ${status}`);
    for (const secret of ["hunter2", LOGIN, "authorization:"]) {
      expect(allOf(error).toLowerCase()).not.toContain(secret.toLowerCase());
    }
  });

  test("carries little of what the server says", async () => {
    const target = await targetOf((_request, response) => {
      response.writeHead(403).end("x".repeat(90_000));
    });
    expect((await failureOf(target.ensure())).message.length).toBeLessThan(1000);
  });

  test("at a dead port is as plain", async () => {
    const target = new InfluxTarget(
      parseInfluxUrl("http://mirror:hunter2@127.0.0.1:1/city"),
      systemClock,
    );
    const error = await failureOf(target.ensure());
    expect(error.message).toContain("ECONNREFUSED");
    expect(allOf(error)).not.toContain("hunter2");
  });
});

describe("an answer without end", () => {
  test.each([200, 204, 400, 500])("with status %i is cut off at the bound", async (status) => {
    const { answer, ended } = endless(status === 204 ? 200 : status);
    const target = await targetOf(answer);
    const run = status === 204 ? target.write([point]) : target.ensure();
    expect((await failureOf(run)).message).toContain("more than 100000 bytes");
    await ended;
  });

  test("that drips is cut off in time, with its connection", async () => {
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    const target = await targetOf(
      (_request, response) => {
        response.on("close", end);
        response.writeHead(200).write("{");
      },
      { ...LIMITS, timeoutMs: 200 },
    );
    expect((await failureOf(target.ensure())).message).toContain("did not answer within 200 ms");
    await ended;
  });

  test("does not keep the next operation from working", async () => {
    let count = 0;
    const { answer } = endless(200);
    const target = await targetOf((request, response) => {
      count += 1;
      if (count === 1) return answer(request, response);
      response.end(`{"results":[{"series":[{"columns":["name"],"values":[["city"]]}]}]}`);
    });
    await failureOf(target.ensure());
    expect(await target.ensure()).toBe("found");
  });
});

describe("an address that is none", () => {
  test.each([
    "http://mirror:hunter2@127.0.0.1:8086",
    "http://mirror:hunter2@127.0.0.1:port/city",
    "http://mirror:hunter2@",
    "mirror:hunter2@127.0.0.1/city",
    "http://mirror:12/hunter2@127.0.0.1/city",
    "http://mirror:hunter2%zz@127.0.0.1:8086/city",
    "http://mirror:hunter2@127.0.0.1:8086/ci%zzty",
  ])("%s is the user's fault, and is not repeated", (text) => {
    const parse = (): unknown => parseInfluxUrl(text);
    expect(parse).toThrow(UserError);
    expect(parse).toThrow(/^(?!.*hunter2).*no address of an InfluxDB database/);
  });
});
