/**
 * All kinds of drivers. A new one is a framer, a driver, and a line here.
 */

import type { DriverKind } from "../driver.ts";
import { lineProtocol } from "./line-protocol.ts";
import { nmea } from "./nmea.ts";
import { sds011 } from "./sds011.ts";

const KINDS: readonly DriverKind[] = [lineProtocol, nmea, sds011];

/** Kinds of drivers by the name that a configuration gives, in order of name. */
export const DRIVERS: ReadonlyMap<string, DriverKind> = new Map(
  KINDS.map((kind) => [kind.name, kind]),
);
