/**
 * What must hold of where a board comes out: one outlet, of a sort that it has.
 */

type Table = Readonly<Record<string, unknown>>;

/** The fields that name an outlet, each with an example. */
const OUTLET_FIELDS = {
  listen: 'an outlet, such as listen = "127.0.0.1:0"',
  serial: 'an outlet, such as serial = "/dev/ttyUSB0"',
  pty: 'an outlet, such as pty = "/tmp/edge"',
  broker: 'a broker, such as broker = "mqtt://127.0.0.1:1883"',
  push: 'an address to push to, such as push = "http://127.0.0.1:8093/"',
};

export type OutletField = keyof typeof OUTLET_FIELDS;

/** Outlets of which only one board can have the same. */
export const LINE_OUTLETS: readonly OutletField[] = ["listen", "serial", "pty"];

/** What comes out of a board: bytes of a line, messages for a broker or to be pushed, or pictures. */
export type OutletSort = "wire" | "mqtt" | "push" | "network";

const OUTLETS_OF: Readonly<Record<OutletSort, readonly OutletField[]>> = {
  wire: LINE_OUTLETS,
  mqtt: ["broker"],
  push: ["push"],
  network: ["listen"],
};

/** Gives a sentence for each rule that is broken. `sort` is absent, and nothing judged by it, where nobody knows what it is. */
export function outletFaults(board: Table, name: string, sort: OutletSort | undefined): string[] {
  const wanted = OUTLETS_OF[sort ?? "wire"];
  const outlets = (Object.keys(OUTLET_FIELDS) as OutletField[]).filter(
    (field) => board[field] !== undefined,
  );
  if (outlets.length === 0) return [`: expected ${OUTLET_FIELDS[wanted[0]!]}; there is none`];
  if (outlets.length > 1) return [`: expected one outlet; there are ${outlets.join(" and ")}`];
  const faults = outlets
    .filter((field) => sort !== undefined && !wanted.includes(field))
    .map((field) => `.${field}: ${name} has ${anyOf(wanted)}`);
  if (board["baud"] !== undefined && board["serial"] === undefined)
    faults.push(".baud: only a serial outlet has a baud rate");
  if (board["topic"] !== undefined && board["broker"] === undefined)
    faults.push(".topic: only a board at a broker has a topic");
  return faults;
}

/** Two boards at one topic would be one to everybody who listens. */
export function repeatedTopics(boards: readonly Table[]): string[] {
  const placeOf = ({ broker, topic, board }: Table): string =>
    JSON.stringify([broker, topic, board]);
  const places = new Map<string, number>();
  return boards.flatMap((board, at) => {
    const place = placeOf(board);
    const first = places.get(place);
    if (first === undefined) places.set(place, at);
    return typeof board["topic"] === "string" && first !== undefined
      ? [`boards[${at}].topic: "${board["topic"]}" is taken by boards[${first}]`]
      : [];
  });
}

function anyOf(fields: readonly OutletField[]): string {
  const [last, ...others] = fields.toReversed();
  return others.length === 0 ? last! : `${others.toReversed().join(", ")} or ${last}`;
}
