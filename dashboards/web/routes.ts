/** The addresses inside the page, kept behind "#" so that any web server can serve it. */

/** Parts of the overview, in their order on the page. */
export const SECTIONS = [
  "sensors",
  "blocks",
  "peers",
  "cameras",
  "check",
  "trust",
  "refusals",
] as const;

export type Section = (typeof SECTIONS)[number];

/** Where in the page somebody is. */
export type Route =
  | { readonly view: "overview"; readonly section?: Section }
  /** The check of one entry, above the overview. */
  | { readonly view: "entry"; readonly entry: number };

/** Reads an address; any that is not known is the overview. */
export function parseRoute(hash: string): Route {
  const [, name, rest] = /^#\/([a-z]+)(?:\/(.*))?$/.exec(hash) ?? [];
  if (name === "entry") {
    const entry = /^(0|[1-9][0-9]{0,15})$/.test(rest ?? "") ? Number(rest) : Number.NaN;
    if (Number.isSafeInteger(entry)) return { view: "entry", entry };
  }
  const section = SECTIONS.find((known) => known === name);
  return section === undefined || rest !== undefined
    ? { view: "overview" }
    : { view: "overview", section };
}

/** Writes an address, "#" included. */
export function formatRoute(route: Route): string {
  if (route.view === "entry") return `#/entry/${route.entry}`;
  return `#/${route.section ?? ""}`;
}
