/** What every component may reach: the stores, the hub, the clock, and what browsers do. */

import { createContext } from "preact";
import type { Context } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import type { HubClient } from "../api/hub-client.ts";
import type { Claim } from "../check/claim.ts";
import type { CityStore, Shown } from "../city/city-store.ts";
import type { Timers } from "../connection/timers.ts";
import type { Route } from "../routes.ts";
import type { Trust, TrustDesk } from "../trust/trust-desk.ts";
import type { Verify } from "../../../ledger/signature.ts";

/** The page's parts, wired by main.tsx. */
export interface Desk {
  readonly store: CityStore;
  readonly trust: TrustDesk;
  readonly client: HubClient;
  readonly timers: Timers;
  readonly verify: Verify;
  readonly go: (route: Route) => void;
  /** Opens the check of a value that the page shows. */
  readonly check: (claim: Claim) => void;
  /** Hands a text to the user as a file. */
  readonly download: (name: string, content: string) => void;
  /** Copies a text; says whether the browser allowed it. */
  readonly copy: (content: string) => Promise<boolean>;
}

export const DeskContext: Context<Desk | undefined> = createContext<Desk | undefined>(undefined);

/** Gives the page's parts. */
export function useDesk(): Desk {
  const desk = useContext(DeskContext);
  if (desk === undefined) throw new Error("a component stands outside of the page");
  return desk;
}

interface Source {
  subscribe(listener: () => void): () => void;
}

function useSource<T>(source: Source, read: () => T): T {
  const [shown, setShown] = useState(read);
  useEffect(() => {
    const update = (): void => setShown(read());
    // Something may have changed between the first drawing and now.
    update();
    return source.subscribe(update);
  }, [source]);
  return shown;
}

/** Gives the city and the connection, and draws again when they change. */
export function useShown(): Shown {
  const { store } = useDesk();
  return useSource(store, () => store.shown);
}

/** Gives whom this browser trusts, and draws again when that changes. */
export function useTrust(): Trust {
  const { trust } = useDesk();
  return useSource(trust, () => trust.trust);
}

/** Gives this machine's time, and draws again as it goes on. */
export function useNow(everyMs: number): number {
  const { timers } = useDesk();
  const [nowMs, setNowMs] = useState(() => timers.nowMs());
  useEffect(() => timers.after(everyMs, () => setNowMs(timers.nowMs())), [nowMs, everyMs, timers]);
  return nowMs;
}
