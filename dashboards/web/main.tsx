/** Wires the page: the browser's clock, network, storage and address, and the parts that need them. */

import { render } from "preact";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { nobleVerify } from "../../ledger/signature.ts";
import { HubClient } from "./api/hub-client.ts";
import type { Claim } from "./check/claim.ts";
import { CityStore } from "./city/city-store.ts";
import { App } from "./components/app.tsx";
import { DeskContext } from "./components/desk.ts";
import type { Desk } from "./components/desk.ts";
import { openEventSource } from "./connection/event-source.ts";
import { LiveLink } from "./connection/live-link.ts";
import type { Timers } from "./connection/timers.ts";
import { formatRoute, parseRoute } from "./routes.ts";
import { localDrawer } from "./trust/local-drawer.ts";
import { TrustDesk } from "./trust/trust-desk.ts";
import "./styles/tokens.css";
import "./styles/page.css";
import "./styles/control.css";
import "./styles/masthead.css";
import "./styles/alarm.css";
import "./styles/figure.css";
import "./styles/state.css";
import "./styles/sensor.css";
import "./styles/block.css";
import "./styles/check.css";

/** How long a downloaded text is kept for the browser to fetch it. */
const DOWNLOAD_KEPT_MS = 60_000;

const timers: Timers = {
  nowMs: () => Date.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
  chance: () => Math.random(),
};

const client = new HubClient((path, options) => fetch(path, options));
const store = new CityStore(timers);
const trust = new TrustDesk({
  drawer: localDrawer,
  verify: nobleVerify,
  nowMs: () => timers.nowMs(),
});
const link = new LiveLink({
  client,
  openStream: openEventSource,
  timers,
  store,
  takeCheckpoint: (note) => trust.takeCheckpoint(note),
});

function download(name: string, content: string): void {
  const address = URL.createObjectURL(new Blob([content], { type: "application/octet-stream" }));
  const anchor = document.createElement("a");
  anchor.href = address;
  anchor.download = name;
  anchor.click();
  timers.after(DOWNLOAD_KEPT_MS, () => URL.revokeObjectURL(address));
}

async function copy(content: string): Promise<boolean> {
  try {
    // Not there on pages that came over plain HTTP from another machine.
    await navigator.clipboard.writeText(content);
    return true;
  } catch {
    return false;
  }
}

function Page(): JSX.Element {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  const [claim, setClaim] = useState<Claim>();
  useEffect(() => {
    const onHash = (): void => setRoute(parseRoute(location.hash));
    addEventListener("hashchange", onHash);
    return () => removeEventListener("hashchange", onHash);
  }, []);
  const [desk] = useState<Desk>(() => ({
    store,
    trust,
    client,
    timers,
    verify: nobleVerify,
    go: (next) => {
      location.hash = formatRoute(next);
    },
    check: (next) => {
      setClaim(next);
      location.hash = formatRoute({ view: "entry", entry: next.entry });
    },
    download,
    copy,
  }));
  return (
    <DeskContext.Provider value={desk}>
      <App route={route} claim={claim} />
    </DeskContext.Provider>
  );
}

store.subscribe(() => {
  const { city } = store.shown;
  if (city !== undefined) trust.meet(city.log, city.peers);
});
addEventListener("online", () => link.nudge());
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") link.nudge();
});
link.start();
render(<Page />, document.getElementById("page")!);
