/** A device that leaves out numbers as it likes: gaps that do not fit its chain, and some that do. */
import { encodeGap } from "../../../ledger/kinds/gap.ts";
import type { Reason } from "../../../ledger/kinds/reason.ts";
import type { Statement } from "../../../ledger/statement.ts";
import type { Desk, Misbehaviour } from "./desk.ts";

/** Far, and near enough that a key lasts for all runs to come. */
const LEAP = 1_000_000;

/** See the head of the file. */
export const gapAbuser: Misbehaviour = async (desk, turn) => {
  await desk.contact();
  const deeds = [elsewhere, beyond, backwards, withoutReason, lawful];
  await deeds[turn % deeds.length]!(desk);
  await desk.goOn();
};

async function elsewhere(desk: Desk): Promise<void> {
  const { seq } = desk.position;
  await expectRefused(desk, "gap-elsewhere", gapOf(desk, seq + 1, seq + 4, seq + 5));
}

async function beyond(desk: Desk): Promise<void> {
  const { seq } = desk.position;
  await expectRefused(desk, "gap-beyond", gapOf(desk, seq, seq + 4, seq + 7));
}

async function backwards(desk: Desk): Promise<void> {
  const { seq } = desk.position;
  await expectRefused(desk, "gap-backwards", gapOf(desk, seq, Math.max(0, seq - 1), seq));
}

async function withoutReason(desk: Desk): Promise<void> {
  const { seq } = desk.position;
  const { bytes } = gapOf(desk, seq, seq + 4, seq + 5, "because" as Reason);
  desk.expectRefusal("gap-reason", await desk.refusalOf(bytes), "malformed");
}

async function lawful(desk: Desk): Promise<void> {
  const { seq } = desk.position;
  const fault = await desk.store(gapOf(desk, seq, seq + LEAP - 1, seq + LEAP));
  desk.expect("gap-lawful", fault === undefined, fault ?? "");
}

async function expectRefused(desk: Desk, expectation: string, gap: Statement): Promise<void> {
  desk.expectRefusal(expectation, await desk.refusalOf(gap.bytes), "broken-chain");
}

function gapOf(
  desk: Desk,
  from: number,
  to: number,
  seq: number,
  reason: Reason = "lost",
): Statement {
  return desk.sign({ kind: "gap", seq, payload: encodeGap({ from, to, reason }) });
}
