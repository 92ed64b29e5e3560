/** Counts and hashes as people read them. */

const grouped = new Intl.NumberFormat("en-GB");

/** Writes a count with its digits in groups. */
export function formatCount(count: number): string {
  return grouped.format(count);
}

/** Writes a count with the noun that it counts: "1 block", "3 blocks". */
export function countOf(count: number, one: string, many: string = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

const HEAD = 8;
const TAIL = 6;

/** Shortens a long hash or key in the middle; both ends stay, for comparing. */
export function shorten(text: string): string {
  return text.length <= HEAD + TAIL + 1 ? text : `${text.slice(0, HEAD)}…${text.slice(-TAIL)}`;
}
