/** Where the sensors of the LAN are reached, with its passwords: the `[lan]` of the settings, read and checked. */

import type { ListenAddress } from "../../../platform/listen-address.ts";

/** The broker of the LAN. */
export interface BrokerAccess {
  /** `mqtt://host:port` or `mqtts://host:port`. */
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
  /** PEM of the authority behind the broker's certificate; the system's unless given. */
  readonly ca?: Uint8Array;
}

/** Where boards push to. */
export interface PushAccess {
  readonly listen: ListenAddress;
  /** What boards have to say by HTTP Basic; without it nothing. */
  readonly login?: { readonly username: string; readonly password: string };
}

/** What an agent has of the LAN. */
export interface LanAccess {
  readonly broker?: BrokerAccess;
  readonly push?: PushAccess;
}
