/** `kerbstone hub rebuild`, with a running hub and without one, over a real folder and a real InfluxDB. */

import { rm } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { decodeBase64, encodeHex } from "../../../ledger/bytes.ts";
import { sha256 } from "../../../ledger/sha256.ts";
import { HubProgram } from "../../support/hub-program.ts";
import { influxRows } from "../../support/influx-points.ts";
import { runKerbstone } from "../../support/kerbstone.ts";
import { eventually } from "../../support/process.ts";
import { influxd, startInflux } from "../../support/programs.ts";
import type { InfluxServer } from "../../support/programs.ts";
import { lacks } from "../../support/requirements.ts";
import { testScope } from "../../support/scope.ts";
import { ORIGIN, testDevice } from "../support/devices.ts";
import { TestChain } from "../support/log-maker.ts";
import { enrolmentRequest } from "../support/running-hub.ts";

const COUNT = 40;

describe.skipIf(lacks(influxd))("rebuilding", () => {
  const scope = testScope();
  let influx: InfluxServer;
  let hub: HubProgram;
  let url: string;

  const rows = (): Promise<unknown[]> => influxRows(influx, "city", `SELECT * FROM "main"`);
  const latest = async (): Promise<unknown> => {
    const reply = await fetch(`${hub.url}api/v1/latest`);
    return ((await reply.json()) as { latest: unknown[] }).latest;
  };
  const settled = (what: () => Promise<boolean>): Promise<unknown> =>
    eventually("settled", async () => ((await what()) ? true : undefined));
  const all = async (): Promise<boolean> => {
    const newest = (await latest()) as { value: number; level: string }[];
    const isSealed = newest[0]?.value === COUNT - 1 && newest[0].level === "sealed";
    return isSealed && (await rows()).length === COUNT;
  };

  beforeAll(async () => {
    influx = await startInflux(scope);
    url = `${influx.url}/city`;
    hub = await HubProgram.make(scope, { origin: ORIGIN });
    await hub.start(["--influx-url", url]);
    const device = testDevice("air-1");
    await hub.enrol(JSON.stringify(enrolmentRequest(device)));
    const reply = await fetch(`${hub.url}api/v1/devices/air-1`);
    const { enrolledAt } = (await reply.json()) as { enrolledAt: number };
    const entry = await fetch(`${hub.url}api/v1/entries/${enrolledAt}`);
    const { bytes } = (await entry.json()) as { bytes: string };
    const chain = new TestChain(device, sha256(decodeBase64(bytes)!));
    const nowMs = Date.now() - COUNT * 1000;
    for (let i = 0; i < COUNT; i++) {
      const statement = chain.readings(i, nowMs + i * 1000);
      const sent = await fetch(`${hub.url}entries`, {
        method: "POST",
        headers: { "content-type": "application/cose" },
        body: statement.bytes.slice(),
        redirect: "manual",
      });
      expect([201, 303], encodeHex(statement.hash)).toContain(sent.status);
    }
    await settled(all);
  });

  test("a running hub does it in passing", async () => {
    const before = [await latest(), await rows()];
    for (const what of ["index", "influx"]) {
      const { code, stdout } = await runKerbstone(scope, rebuild(what));
      expect([code, stdout]).toEqual([0, expect.stringContaining(`has thrown the ${what} away`)]);
      await settled(all);
      expect([await latest(), await rows()]).toEqual(before);
    }
    const figures = await (await fetch(`${hub.url}metrics`)).text();
    expect(figures).toMatch(/^kerbstone_hub_projection_lag_entries\{projection="influx"\} \d+$/m);
    expect(figures).toMatch(/^kerbstone_hub_mirror_points_total [1-9]\d+$/m);
    expect(figures).toMatch(/^kerbstone_hub_mirror_points_refused_total\{reason="other"\} 0$/m);
  });

  test("without one the command does it, and tells how many entries it was", async () => {
    const before = [await latest(), await rows()];
    await hub.stop();
    for (const what of ["index", "influx"]) {
      const { code, stdout, stderr } = await runKerbstone(scope, rebuild(what));
      const said = expect.stringMatching(
        new RegExp(`^Threw the ${what} away .* \\d+ entries\\.\n$`),
      );
      expect([code, stdout, stderr.includes("error")]).toEqual([0, said, false]);
    }
    expect(await rows()).toEqual(before[1]);
    await rm(join(hub.folder, "index"), { recursive: true });
    await hub.start(["--influx-url", url]);
    await settled(all);
    expect([await latest(), await rows()]).toEqual(before);
  });

  test.each([
    ["an unknown thing", ["everything"], '"everything" cannot be made again'],
    ["nothing", [], "rebuild"],
  ])("%s is refused in words", async (_what, words, said) => {
    const { code, stderr } = await runKerbstone(scope, ["hub", "rebuild", ...words]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(said)]);
  });

  function rebuild(what: string): string[] {
    return ["hub", "rebuild", what, "--data", hub.folder, "--influx-url", url];
  }
});
