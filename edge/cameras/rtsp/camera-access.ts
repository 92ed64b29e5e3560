/** How a camera is reached, its password included: made once from the settings, and handed to doors alone. */

import type { CameraAddress } from "../camera-address.ts";
import type { Credentials } from "./rtsp-challenge.ts";

/** See the head of the file. */
export interface CameraAccess {
  readonly address: CameraAddress;
  readonly credentials: Credentials | undefined;
  /** Whether the password may go over the network in clear. */
  readonly plainPassword: boolean;
  /** The one certificate that a camera with TLS may show, in DER; without it those of the system's authorities. */
  readonly certificate: Uint8Array | undefined;
  /** How long it may send nothing. */
  readonly silentMs: number;
}
