/**
 * Which adapter serves which kind of address.
 */

import type { Clock } from "../../../platform/clock.ts";
import type { LineAddress } from "./address.ts";
import type { Connect } from "./line.ts";
import { serialConnect } from "./serial-line.ts";
import { tcpConnect } from "./tcp-line.ts";

/** Gives what opens connections to an address. */
export function connectTo(address: LineAddress, clock: Clock): Connect {
  return address.kind === "serial" ? serialConnect(address, clock) : tcpConnect(address);
}

/** Makes what opens an address; tests put lines in memory in its place. */
export type ConnectTo = (address: LineAddress, parts: { readonly clock: Clock }) => Connect;
