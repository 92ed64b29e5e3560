/**
 * Admission's state at the committed size: from the index's snapshot, and from the tiles where the index is behind.
 *
 * A start reads one snapshot, whatever the length of the log. Only a lost or deleted index makes it read the log, and
 * that makes the index again on the way. Signatures are not checked here: the root is compared with the committed one.
 */

import { admit } from "../../ledger/admission.ts";
import { equalBytes } from "../../ledger/bytes.ts";
import type { Checkpoint } from "../../ledger/checkpoint.ts";
import { Refusal } from "../../ledger/errors.ts";
import { LogState, restoreState, snapshotState } from "../../ledger/log-state.ts";
import type { Logger } from "../../platform/log.ts";
import { UserError } from "../../platform/user-error.ts";
import type { Archive } from "./archive.ts";
import { BlockSummary } from "./block-summary.ts";
import type { EntryIndex } from "./entry-index.ts";

/** Gives the state at the committed checkpoint, with the index level. Throws `UserError` where the log is damaged. */
export async function stateAt(
  committed: Checkpoint | undefined,
  parts: { index: EntryIndex; archive: Archive; logger: Logger },
): Promise<LogState> {
  const { index, logger } = parts;
  if (committed === undefined) {
    if (index.cursor() !== undefined) await index.clear();
    return new LogState();
  }
  const cursor = index.cursor();
  if (cursor !== undefined && cursor.size <= committed.size) {
    const state = restored(cursor.snapshot);
    if (state !== undefined && (await catchUp(state, committed, parts))) return state;
  }
  if (cursor !== undefined) {
    logger.warn({ size: cursor.size }, "the index is of another log or another version");
  }
  logger.info({ size: committed.size }, "making the index again from the log");
  await index.clear();
  const state = new LogState();
  if (await catchUp(state, committed, parts)) return state;
  throw new UserError("The entries on disk do not give the root that was committed.", {
    hint: "Restore the data folder, or follow the log from a peer's copy.",
  });
}

/** Reads a snapshot of the state; `undefined` for one that other software has written. */
export function restored(snapshot: Uint8Array): LogState | undefined {
  try {
    return restoreState(snapshot);
  } catch {
    return undefined;
  }
}

/** Replays the entries from the state's size on, block by block; says whether they lead to the committed root. */
async function catchUp(
  state: LogState,
  committed: Checkpoint,
  { index, archive }: { index: EntryIndex; archive: Archive },
): Promise<boolean> {
  let summary = new BlockSummary(state.size);
  const judgement = {
    verify: () => true,
    entry: (at: number) => summary.hiding.get(at) ?? index.hiding(at),
  };
  for await (const entry of archive.entries(state.size, committed.size, committed.size)) {
    const admission = admit(state, entry.bytes, judgement);
    if (admission instanceof Refusal) return false;
    const { statement, effect } = admission;
    summary.add(statement, entry.bytes);
    if (effect.kind !== "seal") continue;
    const { hash } = statement;
    const sealedRoot = state.frontier.root();
    const block = { ...effect.seal, index: entry.index, hash, sealedRoot, note: undefined };
    await index.put({ summary, block, snapshot: snapshotState(state) });
    summary = new BlockSummary(state.size);
  }
  return state.size === committed.size && equalBytes(state.frontier.root(), committed.root);
}
