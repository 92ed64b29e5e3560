/**
 * What happens in a hub, as one stream of events for those who watch: pages, metrics, tests.
 *
 * Collected from log, cosigning, quarantine and presence. Nobody who listens can hold up what it listens to: an event is
 * made once, and handed on at once.
 */

import type { PresenceChange, Presence } from "./broker/presence.ts";
import type { Quarantine, QuarantineItem } from "./admission/quarantine.ts";
import type { Cosigning } from "./cosigning.ts";
import type { HubLog, SealedBlock } from "./log.ts";
import type { EntryFeed, ProjectedEntry } from "./projections/entry-feed.ts";
import type { EvidenceSummary } from "./store/evidence-store.ts";

/** Something that has happened. */
export type HubEvent =
  /** A durable entry of any kind. */
  | { readonly kind: "entry"; readonly entry: ProjectedEntry }
  | { readonly kind: "block"; readonly block: SealedBlock }
  /** The quorum has cosigned a larger size. */
  | { readonly kind: "cosigned"; readonly size: number }
  | { readonly kind: "presence"; readonly change: PresenceChange }
  | { readonly kind: "refused"; readonly item: QuarantineItem }
  /** Proof of misbehaviour was found. */
  | { readonly kind: "fork"; readonly found: EvidenceSummary };

/** Where events come from. */
export interface EventSources {
  readonly feed: Pick<EntryFeed, "onGrown">;
  readonly log: Pick<HubLog, "onSealed" | "evidence">;
  readonly cosigning: Pick<Cosigning, "onCosigned"> | undefined;
  readonly presence: Pick<Presence, "onPresence">;
  readonly quarantine: Pick<Quarantine, "onRefused">;
}

/** The events of one hub, from its making until `close`. */
export class HubEvents {
  readonly #listeners = new Set<(event: HubEvent) => void>();
  readonly #stops: (() => void)[];
  readonly #sources: EventSources;
  readonly #forksKnown: Set<string>;

  constructor(sources: EventSources) {
    const { feed, log, cosigning, presence, quarantine } = sources;
    this.#sources = sources;
    this.#forksKnown = new Set(log.evidence.list().map(({ id }) => id));
    this.#stops = [
      feed.onGrown((entries) => {
        for (const entry of entries) this.#tell({ kind: "entry", entry });
      }),
      log.onSealed((block) => {
        this.#tell({ kind: "block", block });
        this.#lookForForks();
      }),
      presence.onPresence((change) => this.#tell({ kind: "presence", change })),
      quarantine.onRefused((item) => {
        this.#tell({ kind: "refused", item });
        this.#lookForForks();
      }),
    ];
    const stop = cosigning?.onCosigned((size) => this.#tell({ kind: "cosigned", size }));
    if (stop !== undefined) this.#stops.push(stop);
  }

  /** Calls `listener` with each event; gives what ends it. */
  on(listener: (event: HubEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Listens no more. */
  close(): void {
    for (const stop of this.#stops) stop();
    this.#listeners.clear();
  }

  /** Evidence is kept in passing; what brings it also brings a refusal, or the next block. */
  #lookForForks(): void {
    for (const found of this.#sources.log.evidence.list()) {
      if (this.#forksKnown.has(found.id)) continue;
      this.#forksKnown.add(found.id);
      this.#tell({ kind: "fork", found });
    }
  }

  #tell(event: HubEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
