/** What the hub did not admit, for those who look after the devices. */

import type { JSX } from "preact";
import type { City } from "../city/city.ts";
import { countOf } from "../words/number.ts";
import { Moment } from "./moment.tsx";

/** Draws the newest refusals. */
export function RefusalsSection({ city }: { city: City }): JSX.Element {
  const { items, total } = city.quarantine;
  return (
    <section class="panel" aria-labelledby="refusals">
      <h2 id="refusals" tabIndex={-1}>
        Refusals
      </h2>
      <p class="hint">
        {total === 0
          ? "The hub has refused nothing."
          : `${countOf(total, "message was", "messages were")} refused, and kept aside for the operator. Refused messages change nothing in the log.`}
      </p>
      {items.length > 0 && (
        <ul class="refusals">
          {items.map((item) => (
            <li key={item.id}>
              <div class="refusal-head">
                <code>{item.code}</code>
                <strong>{item.device ?? "unknown sender"}</strong>
                <Moment timeMs={item.receivedMs} />
              </div>
              <p>{item.text}</p>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
