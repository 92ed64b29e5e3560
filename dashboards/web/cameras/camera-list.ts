/** Asks the hub which cameras a token is good for (docs/preview.md). */

import { listNamed } from "../api/answer.ts";
import { parseJson, record, text } from "../api/shape.ts";

/** A camera as the hub lists it. */
export interface Camera {
  readonly device: string;
  readonly camera: string;
  /** As the device says, or `away` where it is not connected. */
  readonly state: string;
}

/** Why there is no list: the token is not taken, there were too many attempts, or the hub is not to be had. */
export type NoCameras = "refused" | "too-many" | "unreachable";

/** What of `fetch` is used. */
export type FetchWithToken = (
  path: string,
  options: { readonly signal: AbortSignal; readonly headers: Readonly<Record<string, string>> },
) => Promise<Response>;

const PATH = "/preview/v1/cameras";
const ANSWER_LIMIT_MS = 8_000;

const readCameras = listNamed(
  "cameras",
  record<Camera>({ device: text, camera: text, state: text }),
);

/** Asks; the answer is sorted as people look for things. */
export async function listCameras(
  fetch: FetchWithToken,
  token: string,
): Promise<readonly Camera[] | NoCameras> {
  try {
    const response = await fetch(PATH, {
      signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
      headers: { authorization: `Bearer ${token}` },
    });
    if (response.status === 401) return "refused";
    if (response.status === 429) return "too-many";
    const cameras = response.ok ? readCameras(parseJson(await response.text())) : undefined;
    if (cameras === undefined) return "unreachable";
    return [...cameras].sort((a, b) => orderOf(a).localeCompare(orderOf(b)));
  } catch {
    return "unreachable";
  }
}

function orderOf({ device, camera }: Camera): string {
  return `${device}/${camera}`;
}
