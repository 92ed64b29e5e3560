/** How a camera is, for people, metrics and the live view. Holds no secret. */

import type { CameraState } from "./preview-source.ts";
import type { RecordingState } from "./recording/supervision.ts";

/** See the head of the file. */
export interface CameraStatus {
  readonly camera: string;
  readonly stream: string;
  readonly address: string;
  readonly state: CameraState;
  readonly recording: RecordingState;
  /** What is wrong, in words; absent where nothing is. */
  readonly text: string | undefined;
  /** As the camera names it; absent before it first has. */
  readonly codec: string | undefined;
  /** Times that a recording was begun. */
  readonly runs: number;
  /** Finished segments on disk. */
  readonly segments: number;
  readonly bytes: number;
  readonly bytesMax: number;
  /** Of these, such as wait to be signed. */
  readonly waitingClips: number;
  /** When the oldest begins and the newest ends, milliseconds since 1970; absent while nobody knows. */
  readonly oldestMs: number | undefined;
  readonly newestMs: number | undefined;
}
