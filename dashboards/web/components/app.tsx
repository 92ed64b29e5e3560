/** The page: what is wrong first, then the log, the sensors, the blocks and peers, and what checks them. */

import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { Claim } from "../check/claim.ts";
import type { Shown } from "../city/city-store.ts";
import { phaseOf, staleSince } from "../connection/link.ts";
import type { Route } from "../routes.ts";
import { absenceWords, AlarmBar, Alarms } from "./alarms.tsx";
import { BlocksSection } from "./blocks-section.tsx";
import { CamerasSection } from "./cameras-section.tsx";
import { CheckDialog } from "./check-dialog.tsx";
import { FileCheckSection } from "./file-check-section.tsx";
import { LogFigures } from "./log-figures.tsx";
import { Masthead } from "./masthead.tsx";
import { PeersSection } from "./peers-section.tsx";
import { RefusalsSection } from "./refusals-section.tsx";
import { SensorsSection } from "./sensors-section.tsx";
import { TrustSection } from "./trust-section.tsx";
import { useNow, useShown } from "./desk.ts";

const REFRESH_MS = 2_000;

/** Draws the page at a route. `claim` is the value whose check was asked for, if the route is its entry. */
export function App({ route, claim }: { route: Route; claim: Claim | undefined }): JSX.Element {
  const shown = useShown();
  const { city, link } = shown;
  const isStale = staleSince(link, useNow(REFRESH_MS)) !== undefined;
  const section = route.view === "overview" ? route.section : undefined;
  useSectionInSight(section, city !== undefined);
  return (
    <>
      <a class="skip" href="#/sensors">
        Skip to the sensors
      </a>
      <Masthead />
      <AlarmBar />
      <main class={isStale ? "stale" : ""}>
        <Alarms />
        {city === undefined ? <Waiting shown={shown} /> : <LogFigures city={city} />}
        <div class="columns">
          {city !== undefined && <SensorsSection city={city} isStale={isStale} />}
          <div class="column">
            {city !== undefined && (
              <>
                <PeersSection city={city} />
                <BlocksSection city={city} />
                {city.log.cameras === true && <CamerasSection />}
              </>
            )}
            <FileCheckSection />
            <TrustSection />
            {city !== undefined && <RefusalsSection city={city} />}
          </div>
        </div>
      </main>
      {route.view === "entry" && (
        <CheckDialog key={route.entry} entry={route.entry} claim={claim} />
      )}
      <footer>
        <p>
          All that this page shows comes from the hub. What it says of a check was computed in this
          browser. The page itself was sent by the hub as well: to be independent of it, use the
          command line or a peer’s copy.
        </p>
      </footer>
    </>
  );
}

function Waiting({ shown }: { shown: Shown }): JSX.Element {
  const isAway = phaseOf(shown.link) === "away";
  return (
    <p class="waiting" role="status">
      {isAway ? `${absenceWords(shown)} This page asks again by itself.` : "Asking the hub …"}
    </p>
  );
}

/** Brings a section into sight, and the keyboard to its heading. */
function useSectionInSight(section: string | undefined, isDrawn: boolean): void {
  useEffect(() => {
    if (section === undefined) return;
    const heading = document.getElementById(section);
    heading?.scrollIntoView();
    heading?.focus({ preventScroll: true });
  }, [section, isDrawn]);
}
