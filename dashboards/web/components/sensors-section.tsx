/** All sensors with their newest values, by theme, those in trouble first. */

import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { City } from "../city/city.ts";
import { countThemes, groupSensors, THEME_TITLES, THEMES } from "../city/theme.ts";
import type { SensorOrder, SensorView, Theme } from "../city/theme.ts";
import { countOf } from "../words/number.ts";
import { useNow } from "./desk.ts";
import { LevelMark } from "./mark.tsx";
import { ThemeTable } from "./theme-table.tsx";

/** Presence is told in intervals of many seconds. */
const PRESENCE_REFRESH_MS = 2_000;

const ORDERS: readonly (readonly [SensorOrder, string])[] = [
  ["trouble", "Trouble first"],
  ["name", "Name"],
  ["newest", "Newest value"],
];

const FIRST_VIEW: SensorView = { order: "trouble", search: "", theme: undefined };

/** Draws the sensors. While what is shown is old, nobody is called late: `isStale` stops that clock. */
export function SensorsSection({ city, isStale }: { city: City; isStale: boolean }): JSX.Element {
  const [view, setView] = useState(FIRST_VIEW);
  const tickMs = useNow(PRESENCE_REFRESH_MS);
  const nowMs = isStale ? city.log.nowMs : tickMs + city.clockOffsetMs;
  const groups = useMemo(
    () => groupSensors(city.devices.values(), view, nowMs),
    [city.devices, view, nowMs],
  );
  return (
    <section class="panel sensors" aria-labelledby="sensors">
      <h2 id="sensors" tabIndex={-1}>
        Sensors
      </h2>
      <SensorControls city={city} view={view} setView={setView} />
      <Legend />
      {groups.length === 0 && (
        <p role="status">
          {city.devices.size === 0
            ? "No device is enrolled yet."
            : "No sensor has these words in its name."}
        </p>
      )}
      {groups.map((group) => (
        <ThemeTable key={group.theme} group={group} />
      ))}
    </section>
  );
}

interface ControlsProps {
  readonly city: City;
  readonly view: SensorView;
  readonly setView: (view: SensorView) => void;
}

function SensorControls({ city, view, setView }: ControlsProps): JSX.Element {
  const counts = useMemo(() => countThemes(city.devices.values()), [city.devices]);
  return (
    <div class="controls">
      <div class="chips" role="group" aria-label="Themes">
        <ThemeChip theme={undefined} count={city.devices.size} view={view} setView={setView} />
        {THEMES.map((theme) => {
          const count = counts.get(theme);
          return (
            count !== undefined && (
              <ThemeChip key={theme} theme={theme} count={count} view={view} setView={setView} />
            )
          );
        })}
      </div>
      <label>
        Find
        <input
          type="search"
          value={view.search}
          placeholder="name or quantity"
          onInput={(event) => setView({ ...view, search: event.currentTarget.value })}
        />
      </label>
      <label>
        Order
        <select
          value={view.order}
          onChange={(event) =>
            setView({ ...view, order: event.currentTarget.value as SensorOrder })
          }
        >
          {ORDERS.map(([order, title]) => (
            <option key={order} value={order}>
              {title}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}

interface ChipProps {
  readonly theme: Theme | undefined;
  readonly count: number;
  readonly view: SensorView;
  readonly setView: (view: SensorView) => void;
}

function ThemeChip({ theme, count, view, setView }: ChipProps): JSX.Element {
  return (
    <button
      type="button"
      class="chip"
      aria-pressed={view.theme === theme}
      onClick={() => setView({ ...view, theme })}
    >
      {theme === undefined ? "All" : THEME_TITLES[theme]}{" "}
      <span class="chip-count">
        {count}
        <span class="unseen"> {countOf(count, "sensor").replace(/^\S+ /, "")}</span>
      </span>
    </button>
  );
}

function Legend(): JSX.Element {
  return (
    <p class="legend">
      <span>
        <LevelMark level="stored" /> signed, in no block yet
      </span>
      <span>
        <LevelMark level="sealed" /> in a block of the hub
      </span>
      <span>
        <LevelMark level="cosigned" /> checked by peers as well
      </span>
    </p>
  );
}
