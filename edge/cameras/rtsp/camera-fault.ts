/** What is wrong with a camera, in the words that people get to read. Never holds a password. */

import type { CameraState } from "../preview-source.ts";

/** See the head of the file. */
export interface CameraFault {
  readonly state: Exclude<CameraState, "ok" | "starting">;
  /** A clause without a full stop. */
  readonly text: string;
}

const WORDS_MAX = 120;

/** Makes a fault; what is a stranger's in the text is cut, and cannot steer a terminal. */
export function cameraFault(state: CameraFault["state"], text: string): CameraFault {
  return { state, text: printable(text) };
}

/** A stranger's words: without control characters, and not too many. */
export function printable(text: string, lengthMax: number = WORDS_MAX * 3): string {
  const plain = text.replaceAll(/[^ -~]+/g, "?");
  return plain.length > lengthMax ? `${plain.slice(0, lengthMax)}…` : plain;
}
