/** The head of the page: whose log this is, whether the hub is there, and the way to the sections. */

import type { JSX } from "preact";
import { phaseOf } from "../connection/link.ts";
import type { LinkPhase } from "../connection/link.ts";
import { formatRoute } from "../routes.ts";
import type { Section } from "../routes.ts";
import { formatAge } from "../words/time.ts";
import { Mark } from "./icon.tsx";
import { useNow, useShown } from "./desk.ts";

const WAYS: readonly (readonly [Section, string])[] = [
  ["sensors", "Sensors"],
  ["peers", "Peers"],
  ["blocks", "Blocks"],
  ["cameras", "Cameras"],
  ["check", "Check a file"],
  ["trust", "Trust"],
  ["refusals", "Refusals"],
];

const PHASE_WORDS: Readonly<Record<LinkPhase, string>> = {
  connecting: "Connecting",
  live: "Live",
  polling: "Asking every 10 s",
  away: "No answer",
};

/** Draws the head of the page. */
export function Masthead(): JSX.Element {
  const { city } = useShown();
  return (
    <header class="masthead">
      <div class="masthead-name">
        <Mark />
        <div>
          <p class="masthead-brand">Kerbstone</p>
          <h1>{city?.log.origin ?? "Sensor ledger"}</h1>
        </div>
      </div>
      <Connection />
      <nav aria-label="Sections">
        <ul>
          {WAYS.filter(([section]) => section !== "cameras" || city?.log.cameras === true).map(
            ([section, title]) => (
              <li key={section}>
                <a href={formatRoute({ view: "overview", section })}>{title}</a>
              </li>
            ),
          )}
        </ul>
      </nav>
    </header>
  );
}

function Connection(): JSX.Element {
  const { link } = useShown();
  const nowMs = useNow(1_000);
  const phase = phaseOf(link);
  return (
    <p class={`connection connection-${phase}`}>
      <span class="connection-dot" aria-hidden="true" />
      <span role="status">
        <span class="unseen">Connection to the hub: </span>
        {PHASE_WORDS[phase]}
      </span>
      {link.lastHeardMs !== undefined && (
        <span class="connection-age">heard {formatAge(nowMs - link.lastHeardMs)}</span>
      )}
    </p>
  );
}
