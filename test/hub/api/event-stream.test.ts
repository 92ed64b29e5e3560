/** Events over real sockets: what comes, in which form, and what becomes of those who do not read. */

import { connect } from "node:net";
import type { Socket } from "node:net";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { encodeUtf8 } from "../../../ledger/bytes.ts";
import { sha256 } from "../../../ledger/sha256.ts";
import { Scope } from "../../support/scope.ts";
import { ApiDocument } from "../support/api-document.ts";
import { ApiHub } from "../support/api-hub.ts";
import type { Measuring } from "../support/api-hub.ts";

const LIMITS = { readersMax: 3, queueBytesMax: 262_144, idleMs: 60_000 };

let scope = new Scope();
afterAll(() => scope.end());

let hub: ApiHub;
let air: Measuring;

beforeEach(async () => {
  await scope.end();
  scope = new Scope();
  hub = await ApiHub.start(scope, { streamLimits: LIMITS });
  air = await hub.enrol("air-1");
});

interface SentEvent {
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** A reader that takes everything, over a socket of its own. */
class Reader {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  readonly events: SentEvent[] = [];
  head = "";
  #rest = "";
  readonly #waiting: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
    socket.on("error", () => undefined);
  }

  static async open(reads = true): Promise<Reader> {
    const socket = connect(hub.port, "127.0.0.1");
    scope.defer(() => socket.destroy());
    const reader = new Reader(socket);
    socket.write("GET /api/v1/events HTTP/1.1\r\nhost: hub\r\n\r\n");
    socket.on("data", (chunk) => {
      reader.#take(chunk.toString());
      for (const wake of reader.#waiting.splice(0)) wake();
    });
    await reader.until(() => reader.head !== "");
    if (!reads) socket.pause();
    return reader;
  }

  /** Takes text apart as far as it goes: the head, then chunks with events. */
  #take(text: string): void {
    this.#rest += text;
    if (this.head === "" && !this.#rest.includes("\r\n\r\n")) return;
    const blocks = this.#rest.split("\n\n");
    this.#rest = blocks.pop() ?? "";
    for (const block of blocks) {
      if (this.head === "") this.head = block;
      const [, event, data] = /event: (\w+)\ndata: (.*)$/.exec(block) ?? [];
      if (event !== undefined && data !== undefined) {
        this.events.push({ event, data: JSON.parse(data) as SentEvent["data"] });
      }
    }
  }

  async until(isThere: () => boolean): Promise<void> {
    while (!isThere()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async next(event: string, count = 1): Promise<SentEvent> {
    const found = (): SentEvent[] => this.events.filter((each) => each.event === event);
    await this.until(() => found().length >= count);
    return found()[count - 1]!;
  }
}

/** Puts a refusal of some hundred kilobytes into quarantine, which is an event of that size. */
async function bigEvent(n: number): Promise<void> {
  hub.hub.quarantine.put({
    receivedMs: 1_767_225_600_000,
    device: undefined,
    kid: undefined,
    seq: undefined,
    hash: sha256(encodeUtf8(String(n))),
    code: "malformed",
    text: "x".repeat(200_000),
    bytes: Uint8Array.of(1),
  });
  await hub.hub.quarantine.durable();
}

describe("events", () => {
  test("are as the document says", async () => {
    const document = await ApiDocument.of(hub);
    const reader = await Reader.open();
    expect(reader.head).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(reader.head).toMatch(/content-type: text\/event-stream/i);
    expect(reader.head).toMatch(/access-control-allow-origin: \*/i);
    const time = Math.floor(Date.now() / 1000);
    const entry = await air.say([
      { quantity: "pm25", unit: "ug/m3", value: 999.9, time },
      { quantity: "pm25-fault", value: true, time },
    ]);
    await hub.seal("gwent", "usk");
    hub.hub.presence.note("air-1", true);
    await bigEvent(1);
    await hub.log.evidence.put({
      kind: "fork",
      subject: "log",
      foundMs: 1,
      parts: [Uint8Array.of(1), Uint8Array.of(2)],
    });
    await hub.seal();
    const expected: Record<string, object> = {
      reading: {
        device: "air-1",
        stream: "main",
        entry,
        level: "stored",
        values: [{ quantity: "pm25", value: 999.9, fault: true, timeMs: time * 1000 }],
      },
      block: { height: 1, sealed: true, cosignedBy: [] },
      cosigned: { size: 5, height: 1, by: ["gwent", "usk"] },
      presence: { device: "air-1", online: true },
      refused: { code: "malformed" },
      fork: { kind: "fork", subject: "log", foundMs: 1 },
    };
    for (const [event, data] of Object.entries(expected)) {
      const sent = await reader.next(event);
      expect(sent.data).toMatchObject(data);
      document.expectShape(document.eventSchema(event), sent.data);
    }
  });

  test("go on for the others when a reader does not read, who is let go at the bound", async () => {
    const fast = await Reader.open();
    await Reader.open(false);
    const { stream } = hub.services;
    expect(stream.readers).toBe(2);
    let sent = 0;
    // The kernel takes some megabytes on the slow reader's behalf.
    while (stream.dropped === 0 && sent < 500) {
      await bigEvent(++sent);
      await fast.next("refused", sent);
    }
    expect(stream.dropped).toBe(1);
    expect(stream.readers).toBe(1);
    await bigEvent(++sent);
    await fast.next("refused", sent);
    expect((await hub.get("/metrics")).text).toMatch(
      /^kerbstone_hub_event_readers_dropped_total 1$/m,
    );
  });

  test("have a bounded number of readers, and forget those who leave", async () => {
    const readers = [await Reader.open(), await Reader.open(), await Reader.open()];
    const refused = await hub.get("/api/v1/events");
    expect([refused.status, refused.headers["retry-after"]]).toEqual([503, "30"]);
    expect(JSON.parse(refused.text)).toMatchObject({ code: "busy" });
    readers[0]!.socket.destroy();
    const { stream } = hub.services;
    while (stream.readers === 3) await new Promise((resolve) => setImmediate(resolve));
    const late = await Reader.open();
    hub.hub.presence.note("air-1", true);
    await late.next("presence");
  });

  test("end with the hub, whatever its readers do", async () => {
    const reader = await Reader.open();
    await scope.end();
    await reader.closed;
    scope = new Scope();
  });
});
