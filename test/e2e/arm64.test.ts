/**
 * The edge on 64-bit ARM, as far as QEMU's user mode is one: made, run and asked by Node for ARM, with the libraries for
 * serial ports and signatures that are compiled for ARM. Board and hub are this machine's own.
 */
import { readFile } from "node:fs/promises";
import { arch } from "node:process";
import { beforeAll, describe, expect, test } from "vitest";
import { decodePack } from "../../ledger/senml.ts";
import { Refusal } from "../../ledger/errors.ts";
import { arm64, arm64Node } from "../support/arm64.ts";
import { EdgeProgram } from "../support/edge-program.ts";
import { HubProgram } from "../support/hub-program.ts";
import { kerbstone, runKerbstone, startKerbstone } from "../support/kerbstone.ts";
import { readLog } from "../support/log-folder.ts";
import { eventually, runProcess } from "../support/process.ts";
import { type SerialPair, socat, startSerialPair } from "../support/programs.ts";
import { lacks } from "../support/requirements.ts";
import { testScope } from "../support/scope.ts";

const READINGS = 6;
/** An emulated processor has time for one thing after another. */
const LIMIT_MS = 120_000;

// On ARM itself all the other tests show it.
describe.skipIf(arch === "arm64" || lacks(arm64, socat))("an edge on 64-bit ARM", () => {
  const scope = testScope();
  let node: readonly string[];
  let line: SerialPair;
  let hub: HubProgram;
  let edge: EdgeProgram;

  beforeAll(async () => {
    node = arm64Node();
    line = await startSerialPair(scope);
    await startKerbstone(scope, [
      "sim",
      "--board",
      "sds011",
      "--serial",
      line.board,
      "--seed",
      "3",
    ]);
    hub = await HubProgram.make(scope);
    await hub.start();
    const sensors = [`air:sds011=${line.edge}`];
    edge = await EdgeProgram.make(scope, hub, {
      name: "pi-1",
      sensors,
      node,
      run: ["--pack-seconds", "1"],
    });
  }, LIMIT_MS);

  test("is what it says: Node for ARM, on ARM's libraries", async () => {
    const [program, ...args] = [...node, "-p", "process.arch"];
    expect((await runProcess(scope, { program, args })).stdout).toBe("arm64\n");
  });

  test(
    "reads a serial port, signs, and is believed; killed and started again it goes on",
    async () => {
      await edge.start();
      await eventually("readings are in the log", () => enough(READINGS), LIMIT_MS);
      // Not the fallback in JavaScript, which works everywhere, but what is compiled for this processor.
      const maps = await readFile(`/proc/${edge.running.pid}/maps`, "utf8");
      expect(maps).toMatch(/bindings-cpp.*linux-arm64.*\.node/);
      expect(maps).toMatch(/sodium-native.*linux-arm64.*\.node/);
      await edge.kill();
      const before = (await readings()).length;
      await edge.start();
      await eventually("more are in the log", () => enough(before + READINGS), LIMIT_MS);
      await kerbstone(scope, ["audit", hub.url, "--vkey", hub.vkey]);
    },
    LIMIT_MS,
  );

  test(
    "says how it is, while it runs and when it has stopped",
    async () => {
      const argv = ["edge", "doctor", edge.settings];
      const doctor = await runKerbstone(scope, argv, LIMIT_MS, node);
      expect(doctor.stdout).toMatch(/ok +sensor 1 .* is read/);
      const status = await kerbstone(scope, ["edge", "status", edge.settings, "--once"], node);
      expect(status).toMatch(/air: sds011, open, \d+ frames good, 0 bad, at /);
      await edge.stop();
      const { counters } = await edge.status();
      expect(counters).toMatchObject({ nacks: 0, packsRefused: 0 });
    },
    LIMIT_MS,
  );

  async function enough(count: number): Promise<true | undefined> {
    return (await readings()).length >= count ? true : undefined;
  }

  /** What is in the hub's log of PM2.5. */
  async function readings(): Promise<number[]> {
    const entries = await readLog(hub.log);
    return entries.flatMap(({ kind, payload, issuer, iat }) => {
      if (kind !== "readings") return [];
      const pack = decodePack(payload, issuer, iat);
      if (pack instanceof Refusal) throw new Error(pack.text);
      return pack.readings
        .filter(({ quantity }) => quantity === "pm25")
        .map(({ value }) => Number(value));
    });
  }
});
