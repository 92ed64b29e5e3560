/** The sensors of one theme as a table, one group of rows a device; on narrow screens each group becomes a card. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Device, Latest } from "../api/answer.ts";
import { noteWords, warningWords } from "../city/pack-notes.ts";
import { THEME_TITLES } from "../city/theme.ts";
import type { ThemeGroup, ThemeRow } from "../city/theme.ts";
import { countOf } from "../words/number.ts";
import { formatPosition } from "../words/place.ts";
import { formatDuration } from "../words/time.ts";
import { formatValue, quantityTitle } from "../words/value.ts";
import { useDesk } from "./desk.ts";
import { LevelMark, PresenceMark } from "./mark.tsx";
import { Moment } from "./moment.tsx";

/** Devices drawn of a theme before somebody asks for more. */
const DEVICES_STEP = 50;

/** Draws one theme. Roles are given in full, since browsers forget those of tables that are laid out otherwise. */
export function ThemeTable({ group }: { group: ThemeGroup }): JSX.Element {
  const [limit, setLimit] = useState(DEVICES_STEP);
  const title = THEME_TITLES[group.theme];
  const id = `theme-${group.theme}`;
  const rest = group.rows.length - limit;
  return (
    <div class="theme">
      <h3 id={id}>{title}</h3>
      <table role="table" aria-labelledby={id}>
        <thead role="rowgroup">
          <tr role="row">
            {["Sensor", "Quantity", "Value", "Measured", "Proof", "Check"].map((column) => (
              <th key={column} role="columnheader" scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        {group.rows.slice(0, limit).map((row) => (
          <DeviceRows key={row.device.kid} row={row} />
        ))}
      </table>
      {rest > 0 && (
        <button type="button" class="quiet" onClick={() => setLimit(limit + DEVICES_STEP)}>
          Show more ({countOf(rest, "further sensor")})
        </button>
      )}
    </div>
  );
}

function DeviceRows({ row }: { row: ThemeRow }): JSX.Element {
  const { device, presences, values } = row;
  const head = (
    <th
      role="rowheader"
      scope="rowgroup"
      class="sensor"
      rowSpan={Math.max(1, values.length)}
      key="head"
    >
      <span class="sensor-name">{device.name}</span>
      <span class="sensor-presence">
        {presences.map((presence) => (
          <PresenceMark key={presence} presence={presence} />
        ))}
      </span>
      <span class="sensor-more">{describe(device)}</span>
      {warningWords(device).map((words) => (
        <span class="sensor-warning" key={words}>
          {words}
        </span>
      ))}
    </th>
  );
  return (
    <tbody role="rowgroup" class={`device device-${presences[0] ?? "present"}`}>
      {values.length === 0 && (
        <tr role="row">
          {head}
          <td role="cell" colSpan={5} class="no-values">
            {device.visibility === "restricted"
              ? "Its values are not public: the log holds only their hashes."
              : "No values yet."}
          </td>
        </tr>
      )}
      {values.map((value, i) => (
        <tr role="row" key={`${value.stream}/${value.quantity}`}>
          {i === 0 && head}
          <ValueCells device={device} value={value} />
        </tr>
      ))}
    </tbody>
  );
}

/** Position, model, interval and what its agent says of itself, as far as they are known. */
function describe(device: Device): string {
  const { lat, lon, model, everySeconds, owner } = device;
  return [
    lat === null || lon === null ? undefined : formatPosition(lat, lon),
    model ?? undefined,
    everySeconds > 0 ? `every ${formatDuration(everySeconds * 1000)}` : undefined,
    owner === null ? undefined : `owner ${owner}`,
    ...noteWords(device),
  ]
    .filter((part) => part !== undefined)
    .join(" · ");
}

function ValueCells({ device, value }: { device: Device; value: Latest }): JSX.Element {
  const desk = useDesk();
  const title = quantityTitle(value.quantity);
  const { stream, quantity, unit, timeMs, entry } = value;
  const words = formatValue(quantity, unit, value.value);
  return (
    <>
      <td role="cell" class="quantity">
        {title}
      </td>
      <td role="cell" class="value">
        <span class="value-number">{words.value}</span>
        {words.unit !== "" && <span class="value-unit"> {words.unit}</span>}
        {value.fault && (
          <span class="value-fault">
            <PresenceMark presence="faulty" />
          </span>
        )}
      </td>
      <td role="cell" class="measured">
        <Moment timeMs={timeMs} />
      </td>
      <td role="cell" class="level">
        <LevelMark level={value.level} />
      </td>
      <td role="cell" class="action">
        <button
          type="button"
          onClick={() =>
            desk.check({
              entry,
              device: device.name,
              stream,
              quantity,
              unit,
              value: value.value,
              timeMs,
            })
          }
        >
          Check
          <span class="unseen">
            {" "}
            {title} of {device.name}
          </span>
        </button>
      </td>
    </>
  );
}
