/** What InfluxDB answers, for tests that compare it with what went in. */
import type { InfluxServer } from "./programs.ts";

/** A row: `time` in milliseconds since 1970, a tag or field a key; absent fields are `null`. */
export type InfluxRow = Readonly<Record<string, number | string | boolean | null>>;

interface Reply {
  readonly results: readonly {
    readonly error?: string;
    readonly series?: readonly {
      readonly columns: readonly string[];
      readonly values: readonly (readonly (number | string | boolean | null)[])[];
    }[];
  }[];
}

/** Asks in InfluxQL. Rejects with what InfluxDB complains about. */
export async function influxRows(
  influx: Pick<InfluxServer, "url">,
  database: string,
  query: string,
): Promise<InfluxRow[]> {
  const parameters = new URLSearchParams({ db: database, epoch: "ms", q: query });
  const reply = await fetch(`${influx.url}/query?${parameters.toString()}`);
  const { results } = (await reply.json()) as Reply;
  const error = results.find((result) => result.error !== undefined)?.error;
  if (error !== undefined) throw new Error(`${query}: ${error}`);
  return results.flatMap(({ series = [] }) =>
    series.flatMap(({ columns, values }) =>
      values.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]!]))),
    ),
  );
}
