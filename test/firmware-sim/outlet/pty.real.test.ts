/**
 * The serial port that the simulator makes, as a program opens it that takes it for an adapter.
 */
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SerialPort } from "serialport";
import { describe, expect, test } from "vitest";
import type { Outlet } from "../../../firmware-sim/outlet/outlet.ts";
import { openPtyOutlet } from "../../../firmware-sim/outlet/pty.ts";
import { systemClock } from "../../../platform/clock.ts";
import { isAlive, startKerbstone } from "../../support/kerbstone.ts";
import { eventually } from "../../support/process.ts";
import { socat } from "../../support/programs.ts";
import { lacks } from "../../support/requirements.ts";
import { testScope } from "../../support/scope.ts";

const scope = testScope();

interface Place {
  outlet: Outlet;
  path: string;
  heard: number[];
}

async function make(): Promise<Place> {
  const path = join(await scope.folder("pty"), "edge");
  const heard: number[] = [];
  const outlet = await openPtyOutlet({ path }, (chunk) => heard.push(...chunk), systemClock);
  scope.defer(() => outlet.close());
  return { outlet, path, heard };
}

async function openPort(path: string): Promise<{ port: SerialPort; read: number[] }> {
  const port = new SerialPort({ path, baudRate: 9600, autoOpen: false });
  const read: number[] = [];
  port.on("data", (chunk: Uint8Array) => read.push(...chunk));
  port.on("error", () => undefined);
  await new Promise<void>((resolve, reject) => {
    port.open((error) => (error === null ? resolve() : reject(error)));
  });
  scope.defer(() => closePort(port));
  return { port, read };
}

async function closePort(port: SerialPort): Promise<void> {
  if (!port.isOpen) return;
  const closed = once(port, "close");
  port.close();
  await closed;
}

function soon(): AbortSignal {
  return AbortSignal.timeout(20_000);
}

describe.skipIf(lacks(socat))("a serial port of the simulator's", () => {
  test("carries every byte both ways", async () => {
    const { outlet, path, heard } = await make();
    expect(outlet.address).toBe(`serial:${path}`);
    const { port, read } = await openPort(path);
    await outlet.ready(soon());
    const all = Array.from({ length: 256 }, (_, byte) => byte);
    outlet.write(Uint8Array.from(all));
    port.write(Uint8Array.from(all));
    await eventually("all bytes", () => (read.length + heard.length >= 512 ? true : undefined));
    expect(read).toEqual(all);
    expect(heard).toEqual(all);
  });

  test("keeps nothing for whoever opens it late, nor for the next one", async () => {
    const { outlet, path } = await make();
    outlet.write(Uint8Array.of(1));
    const first = await openPort(path);
    await outlet.ready(soon());
    outlet.write(Uint8Array.of(2));
    await eventually("the second byte", () => first.read[0]);
    expect(first.read).toEqual([2]);
    await closePort(first.port);
    const second = await eventually("the port", () => openPort(path));
    await outlet.ready(soon());
    outlet.write(Uint8Array.of(3));
    await eventually("the third byte", () => second.read[0]);
    expect(second.read).toEqual([3]);
    expect(outlet.bytesLost).toBe(1);
  });

  test("vanishes when it is unplugged, and is there again", async () => {
    const { outlet, path } = await make();
    const { port } = await openPort(path);
    await outlet.ready(soon());
    await outlet.unplug();
    expect(existsSync(path)).toBe(false);
    await expect(openPort(path)).rejects.toThrow();
    outlet.write(Uint8Array.of(1, 2, 3));
    expect(outlet.bytesLost).toBe(3);
    await closePort(port);
    await outlet.plug(soon());
    const again = await openPort(path);
    await outlet.ready(soon());
    outlet.write(Uint8Array.of(9));
    expect(await eventually("a byte", () => again.read[0])).toBe(9);
  });

  test("is not made over a file, nor where there is no folder", async () => {
    const folder = await scope.folder("pty");
    const file = join(folder, "precious");
    await writeFile(file, "precious");
    const open = (path: string): Promise<Outlet> =>
      openPtyOutlet({ path }, () => undefined, systemClock);
    await expect(open(file)).rejects.toThrow(`${file} is there already`);
    expect(await readFile(file, "utf8")).toBe("precious");
    await expect(open(join(folder, "none", "edge"))).rejects.toThrow(
      /^socat: symlink.*No such file/,
    );
  });

  test("leaves no link and no program behind, however the simulator ends", async () => {
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      const path = join(await scope.folder("pty"), "edge");
      const sim = await startKerbstone(scope, ["sim", "--board", "sds011", "--pty", path]);
      await sim.output(/sds011 at serial:/);
      const children = await readFile(`/proc/${sim.pid}/task/${sim.pid}/children`, "utf8");
      const pids = children.trim().split(" ").map(Number);
      expect(pids).toHaveLength(1);
      await sim.stop(signal);
      for (const pid of pids)
        await eventually("the end", async () => ((await isAlive(pid)) ? undefined : true));
      expect(existsSync(path)).toBe(false);
    }
  });
});
