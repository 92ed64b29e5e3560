/**
 * All kinds of drivers. A new one is a framer, a driver, and a line here.
 */

import type { DriverKind } from "../driver.ts";
import { airrohr } from "./airrohr.ts";
import { dsmr } from "./dsmr.ts";
import { esphome } from "./esphome.ts";
import { json } from "./json.ts";
import { lineProtocol } from "./line-protocol.ts";
import { mhz19 } from "./mhz19.ts";
import { modbus } from "./modbus.ts";
import { nmea } from "./nmea.ts";
import { plantower } from "./plantower.ts";
import { sds011 } from "./sds011.ts";
import { tasmota } from "./tasmota.ts";
import { zigbee2mqtt } from "./zigbee2mqtt.ts";

const KINDS: readonly DriverKind[] = [
  airrohr,
  dsmr,
  esphome,
  json,
  lineProtocol,
  mhz19,
  modbus,
  nmea,
  plantower,
  sds011,
  tasmota,
  zigbee2mqtt,
];

/** Kinds of drivers by the name that a configuration gives, in order of name. */
export const DRIVERS: ReadonlyMap<string, DriverKind> = new Map(
  KINDS.map((kind) => [kind.name, kind]),
);
