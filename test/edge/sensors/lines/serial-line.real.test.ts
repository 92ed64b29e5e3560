/** The serial line over pseudo terminals: a sensor that talks, is unplugged, and is plugged in again. */
import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { type FileHandle, open, readlink, rename, symlink } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { decodeHex, encodeHex } from "../../../../ledger/bytes.ts";
import { systemClock } from "../../../../platform/clock.ts";
import { seededRandom } from "../../../../platform/random.ts";
import type { SensorReading } from "../../../../edge/sensors/reading.ts";
import { sds011 } from "../../../../edge/sensors/drivers/sds011.ts";
import { parseLineAddress, type SerialAddress } from "../../../../edge/sensors/lines/address.ts";
import { connectTo } from "../../../../edge/sensors/lines/connect.ts";
import { Line } from "../../../../edge/sensors/lines/line.ts";
import { serialConnect } from "../../../../edge/sensors/lines/serial-line.ts";
import { eventually } from "../../../support/process.ts";
import { socat, startSerialPair } from "../../../support/programs.ts";
import { lacks } from "../../../support/requirements.ts";
import { testScope } from "../../../support/scope.ts";

const scope = testScope();
/** More than libuv has, unless somebody says otherwise. */
const THREADS = 16;
const FRAME = decodeHex("aac0d4043a0aa1601dab")!;
const WAKE = "aab406010100000000000000000000ffff06ab";

/** A line with an SDS011 driver on it, as an agent would wire them. */
function startEdge(path: string): {
  line: Line;
  readings: SensorReading[];
  causes: string[];
  stop: () => Promise<void>;
} {
  const driver = sds011.create({}, { notBeforeMs: 0 });
  const readings: SensorReading[] = [];
  const causes: string[] = [];
  const take = (events: ReturnType<typeof driver.push>): undefined => {
    for (const event of events) {
      if (event.kind === "write") line.write(event.bytes);
      if (event.kind === "readings") readings.push(...event.readings);
    }
  };
  const line = new Line({
    connect: connectTo(parseLineAddress(path) as SerialAddress, systemClock),
    handlers: {
      opened: (atMs) => take(driver.opened(atMs)),
      bytes: (chunk, atMs) => take(driver.push(chunk, atMs)),
      closed: (_, cause) => causes.push(cause?.message ?? ""),
      silent: () => undefined,
    },
    clock: systemClock,
    random: seededRandom(3),
  });
  const abort = new AbortController();
  const running = line.run(abort.signal);
  const stop = async (): Promise<void> => {
    abort.abort();
    await running;
  };
  scope.defer(stop);
  return { line, readings, causes, stop };
}

/** Reads from the board's end until what was read ends with `tail`, in hexadecimal. */
async function readUntil(board: FileHandle, tail: string): Promise<void> {
  let heard = "";
  while (!heard.endsWith(tail)) {
    const { bytesRead, buffer } = await board.read(new Uint8Array(64), 0, 64);
    heard += encodeHex(new Uint8Array(buffer.subarray(0, bytesRead)));
  }
}

describe.skipIf(lacks(socat))("a serial line", () => {
  test("survives that its sensor is unplugged and plugged in again", async () => {
    const folder = await scope.folder("serial");
    const edge = startEdge(join(folder, "edge"));
    await eventually("a failed try", () => edge.causes.length > 0 || undefined);

    for (const turn of [1, 2]) {
      const pair = await startSerialPair(scope, folder);
      await eventually("an open line", () => edge.line.state === "open" || undefined);
      const board = await open(pair.board, "r+");
      await readUntil(board, WAKE);
      for (const byte of FRAME) await board.write(Uint8Array.of(byte));
      await eventually("readings", () => edge.readings.length === 2 * turn || undefined);
      // Half a frame must not spoil the first one after the sensor is back.
      await board.write(FRAME, 0, 5);
      const read = turn * (FRAME.length + 5);
      await eventually("half a frame", () => edge.line.counters().bytesRead === read || undefined);
      await board.close();
      await pair.kill();
      await eventually("a lost line", () => edge.line.state === "closed" || undefined);
    }

    expect(edge.readings.map(({ quantity, value }) => [quantity, value])).toEqual([
      ["pm25", 123.6],
      ["pm10", 261.8],
      ["pm25", 123.6],
      ["pm10", 261.8],
    ]);
    expect(edge.line.counters()).toMatchObject({ opened: 2, lost: 2 });
    await edge.stop();
    expect(edge.line.state).toBe("closed");
  });

  test("notices that another device has taken the place of its own", async () => {
    const [first, second] = [await startSerialPair(scope), await startSerialPair(scope)];
    const folder = await scope.folder("by-id");
    const path = join(folder, "sensor");
    await symlink(await readlink(first.edge), path);
    const edge = startEdge(path);
    await eventually("an open line", () => edge.line.state === "open" || undefined);
    await symlink(await readlink(second.edge), join(folder, "next"));
    await rename(join(folder, "next"), path);
    await eventually("the loss", () => edge.causes.length > 0 || undefined);
    expect(edge.causes[0]).toContain("another device");
    const board = await open(second.board, "r+");
    await readUntil(board, WAKE);
    await board.write(FRAME);
    await eventually("readings", () => edge.readings.length === 2 || undefined);
    await board.close();
    await edge.stop();
  });

  test("hears its sensor also while all of Node's threads wait for a disk", async () => {
    const pair = await startSerialPair(scope);
    const edge = startEdge(pair.edge);
    await eventually("an open line", () => edge.line.state === "open" || undefined);
    const board = openSync(pair.board, "r+");
    scope.defer(() => closeSync(board));
    const folder = await scope.folder("stalled");
    const stalled = join(folder, "disk");
    execFileSync("mkfifo", [stalled]);
    // A pipe that nobody writes to is not opened before somebody does: each of these holds a thread, or waits for one.
    const waits = Array.from({ length: THREADS }, () => open(stalled, "r"));
    try {
      writeSync(board, FRAME);
      await eventually("readings", () => edge.readings.length === 2 || undefined);
    } finally {
      const release = openSync(stalled, constants.O_RDWR | constants.O_NONBLOCK);
      for (const handle of await Promise.all(waits)) await handle.close();
      closeSync(release);
    }
    await edge.stop();
  });

  test("closes while nobody reads what it has written", async () => {
    const pair = await startSerialPair(scope);
    const connect = serialConnect(
      {
        kind: "serial",
        path: pair.edge,
        baudRate: 9600,
        dataBits: 8,
        parity: "none",
        stopBits: 1,
      },
      systemClock,
    );
    const closed: unknown[] = [];
    const events = { bytes: () => undefined, closed: (cause: unknown) => closed.push(cause) };
    const connection = await connect(events, new AbortController().signal);
    const fill = (): true | undefined => !connection.write(new Uint8Array(4096)) || undefined;
    await eventually("a full line", fill, 30_000, 1);
    await connection.close();
    await connection.close();
    expect(closed).toEqual([undefined]);
    expect(connection.write(Uint8Array.of(1))).toBe(false);
  });

  test("is not opened after an abort, nor where there is no port", async () => {
    const pair = await startSerialPair(scope);
    const ignored = { bytes: () => undefined, closed: () => undefined };
    const openPath = (path: string, signal: AbortSignal): Promise<unknown> =>
      connectTo(parseLineAddress(path) as SerialAddress, systemClock)(ignored, signal);
    const enough = AbortSignal.abort(new Error("enough"));
    await expect(openPath(pair.edge, enough)).rejects.toThrow("enough");
    const never = new AbortController();
    await expect(openPath(`${pair.edge}-not`, never.signal)).rejects.toThrow(/No such file/);
    const late = new AbortController();
    const opening = openPath(pair.edge, late.signal);
    late.abort(new Error("too late"));
    await expect(opening).rejects.toThrow("too late");
  });
});
