/**
 * Topic filters of MQTT 3.1.1 (section 4.7): which are sound, what they match, and whether two of them may match the same.
 */

/** Bytes of the longest topic or filter that is taken here; the standard allows 65,535. */
export const TOPIC_BYTES_MAX = 1024;

/** Says whether a text is a filter: `+` and `#` stand for whole levels, and `#` for the last one only. */
export function isTopicFilter(text: string): boolean {
  if (text === "" || text.includes("\0") || new TextEncoder().encode(text).length > TOPIC_BYTES_MAX)
    return false;
  const levels = text.split("/");
  // Shared subscriptions are MQTT 5's, and would give each message to one of several agents.
  if (levels[0] === "$share") return false;
  return levels.every((level, at) => {
    if (level === "#") return at === levels.length - 1;
    return level === "+" || !/[+#]/.test(level);
  });
}

/** Says whether a filter leaves more than one topic open. */
export function hasWildcard(filter: string): boolean {
  return /[+#]/.test(filter);
}

/** Says whether a filter matches a topic. */
export function matchesTopic(filter: string, topic: string): boolean {
  // Topics of the broker itself are not for those who ask for everything [MQTT-4.7.2-1].
  if (topic.startsWith("$") && /^[+#]/.test(filter)) return false;
  const wanted = filter.split("/");
  const levels = topic.split("/");
  for (const [at, level] of wanted.entries()) {
    // `a/#` matches `a` as well.
    if (level === "#") return at <= levels.length;
    if (at >= levels.length || (level !== "+" && level !== levels[at])) return false;
  }
  return wanted.length === levels.length;
}

/** Says whether some topic is matched by both filters. */
export function filtersOverlap(one: string, other: string): boolean {
  return levelsOverlap(one.split("/"), other.split("/"));
}

function levelsOverlap(one: readonly string[], other: readonly string[]): boolean {
  const [first, ...rest] = one;
  const [otherFirst, ...otherRest] = other;
  if (first === "#" || otherFirst === "#") return true;
  // What ends here overlaps with `#` behind it, which stands for nothing as well.
  if (first === undefined || otherFirst === undefined) return first === otherFirst;
  const isSame = first === otherFirst || first === "+" || otherFirst === "+";
  if (!isSame) return false;
  return levelsOverlap(rest, otherRest);
}
