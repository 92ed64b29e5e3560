/** Where everything of a hub's data folder lies (docs/architecture.md, the hub's disk). */

import { join } from "node:path";

/** The paths of one data folder. */
export interface Layout {
  /** The published chain: checkpoint and tiles. */
  readonly log: string;
  /** Accepted entries that are in no committed block yet. */
  readonly journal: string;
  /** Preimages of what the log only commits to. */
  readonly bodies: string;
  /** The index of entries: derived, may be deleted. */
  readonly index: string;
  /** Proofs of misbehaviour, kept for ever. */
  readonly evidence: string;
  /** The commit cell. */
  readonly commit: string;
  /** The tiles of the sealing under way. */
  readonly staging: string;
}

/** Names the parts of the data folder `folder`. */
export function layoutOf(folder: string): Layout {
  return {
    log: join(folder, "log"),
    journal: join(folder, "journal"),
    bodies: join(folder, "bodies"),
    index: join(folder, "index", "entries"),
    evidence: join(folder, "evidence"),
    commit: join(folder, "commit"),
    staging: join(folder, "staging"),
  };
}
