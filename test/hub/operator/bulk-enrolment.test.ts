/** Enrolling many devices by one order, over the real log. */
import { expect, test } from "vitest";
import type { EnrolmentOutcome } from "../../../hub/operator/bulk-enrolment.ts";
import { BATCH_MAX } from "../../../hub/operator/bulk-enrolment.ts";
import { STREAMS_MAX } from "../../../ledger/limits.ts";
import { DEVICES_PAGE } from "../../../hub/operator/commands.ts";
import type { DeviceLine } from "../../../hub/operator/commands.ts";
import { LINE_BYTES_MAX } from "../../../hub/operator/protocol.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import { testScope } from "../../support/scope.ts";
import { testDevice } from "../support/devices.ts";
import type { TestDevice } from "../support/devices.ts";
import { enrolmentRequest, RunningHub } from "../support/running-hub.ts";

const scope = testScope();

function claimOf(device: TestDevice, changes: Record<string, unknown> = {}): string {
  return JSON.stringify(enrolmentRequest(device, changes));
}

async function enrol(hub: RunningHub, claims: string[]): Promise<EnrolmentOutcome[]> {
  return (await hub.command("enrol-many", { claims })) as EnrolmentOutcome[];
}

test("each claim is judged for itself, and doing it again changes nothing", async () => {
  const hub = await RunningHub.start(scope);
  const [one, two, restricted] = ["one", "two", "restricted"].map((name) => testDevice(name));
  await hub.enrol(one!);
  const before = hub.hub.log.state.size;
  const claims = [
    claimOf(one!),
    claimOf(two!),
    claimOf(testDevice("one", 1)),
    claimOf(testDevice("three"), { pop: "00".repeat(64) }),
    "noise",
    claimOf(testDevice("four"), { origin: "kerbstone.test/other" }),
    claimOf(restricted!, { visibility: "restricted" }),
  ];
  expect(await enrol(hub, claims)).toEqual([
    { kind: "known" },
    { kind: "enrolled", entry: before },
    { kind: "refused", code: "taken", text: expect.stringMatching(/one has a live key/) },
    { kind: "refused", code: "bad-possession", text: expect.any(String) },
    { kind: "refused", text: expect.stringMatching(/neither JSON nor a claim code/) },
    { kind: "refused", text: expect.stringMatching(/is for the log kerbstone\.test\/other/) },
    { kind: "enrolled", entry: before + 1 },
  ]);
  expect(hub.hub.log.state.size).toBe(before + 2);
  expect((await enrol(hub, claims)).map(({ kind }) => kind)).toEqual([
    "known",
    "known",
    "refused",
    "refused",
    "refused",
    "refused",
    "known",
  ]);
  expect(hub.hub.log.state.size).toBe(before + 2);
  // The same key for another name, and a key that was revoked, are refused by the log's rules.
  await hub.revoke(two!);
  const [again] = await enrol(hub, [claimOf(two!)]);
  expect(again).toMatchObject({ kind: "refused", code: "taken" });
});

test("a batch is on the disk when it is answered, by a write and a sync", async () => {
  const files = new MemoryFiles();
  const hub = await RunningHub.start(scope, { files });
  const before = files.operations;
  const claims = Array.from({ length: 100 }, (_, i) => claimOf(testDevice(`many-${i}`)));
  expect((await enrol(hub, claims)).every(({ kind }) => kind === "enrolled")).toBe(true);
  expect(files.operations - before).toBeLessThanOrEqual(4);
  files.crash();
  const again = await RunningHub.start(scope, { files });
  expect(again.hub.log.state.registry.liveKey("many-99")).toBeDefined();
});

test("the list of devices comes by the page", async () => {
  const hub = await RunningHub.start(scope);
  const names = Array.from({ length: 20 }, (_, i) => `page-${i}`);
  await enrol(
    hub,
    names.map((name) => claimOf(testDevice(name))),
  );
  const list = async (from?: number): Promise<string[]> => {
    const lines = (await hub.command(
      "devices",
      from === undefined ? {} : { from },
    )) as DeviceLine[];
    return lines.map(({ name }) => name);
  };
  expect(await list()).toEqual(names);
  expect(await list(15)).toEqual(names.slice(15));
  expect(await list(20)).toEqual([]);
  await expect(list(-1)).rejects.toThrow(/from/);
  // A page of the longest lines there can be stays below the bound of a reply.
  const longest = JSON.stringify({
    ...((await hub.command("devices")) as DeviceLine[])[0],
    name: "n".repeat(63),
    streams: Array.from({ length: STREAMS_MAX }, () => "s".repeat(63)),
  });
  expect(longest.length * DEVICES_PAGE).toBeLessThan(LINE_BYTES_MAX);
});

test("a batch has a bound", async () => {
  const hub = await RunningHub.start(scope);
  const claims = Array.from({ length: BATCH_MAX + 1 }, () => "x");
  await expect(enrol(hub, claims)).rejects.toThrow(/claims/);
});
