/** How a camera is, in words. */

const WORDS: Readonly<Record<string, string>> = {
  ok: "working",
  starting: "starting up",
  silent: "connected, but sends nothing",
  offline: "cannot be reached by its device",
  refused: "refuses its device’s password",
  "no-ffmpeg": "its device lacks ffmpeg",
  away: "its device is not connected",
};

/** Says how a camera is; a state of a later version stands for itself. */
export function stateWords(state: string): string {
  return WORDS[state] ?? state;
}
