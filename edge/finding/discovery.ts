/**
 * Finds the sensors of a machine: listens at all its serial ports at once, and proposes what goes into the settings.
 */

import type { ProgramIo } from "../../platform/lifecycle.ts";
import { medianPlace } from "../place/place.ts";
import type { Place } from "../place/place.ts";
import { BUILD_DATE } from "../settings/build-date.ts";
import { linesOf } from "../sensors/driver.ts";
import { DRIVERS } from "../sensors/drivers/drivers.ts";
import { parseLineAddress } from "../sensors/lines/address.ts";
import { explainPortError } from "../sensors/lines/port-fault.ts";
import { findSerialPorts } from "../sensors/lines/serial-ports.ts";
import type { DeviceNames, FoundPort } from "../sensors/lines/serial-ports.ts";
import { listen } from "./listening.ts";
import type { Listened } from "./listening.ts";
import { usualStream } from "./recognition.ts";
import type { SensorChoice } from "../settings/settings-file.ts";
import type { SerialAddress } from "../sensors/lines/address.ts";
import type { Connect } from "../sensors/lines/line.ts";
import type { Clock } from "../../platform/clock.ts";

/** What finding needs of the machine. */
export interface DiscoveryPorts {
  readonly names: DeviceNames;
  readonly connectLine: (address: SerialAddress, parts: { readonly clock: Clock }) => Connect;
}

/** What was found. */
export interface Discovery {
  readonly sensors: readonly SensorChoice[];
  /** Where a receiver among them says that it is, WGS 84 degrees. */
  readonly position: Place | undefined;
}

/** A receiver throws its fixes about by metres: the middle of so many is where the device will say for years that it stands. */
const FIXES_WANTED = 9;

/** Listens at all ports, and says on stdout what is found. Rejects with the signal's reason when aborted. */
export async function discoverSensors(io: ProgramIo, ports: DiscoveryPorts): Promise<Discovery> {
  const found = await findSerialPorts(ports.names);
  if (found.length === 0) io.stdout.write("There is no serial port on this machine.\n");
  else io.stdout.write(`Listening at ${found.length} serial port(s), up to two minutes …\n`);
  const results = await Promise.all(found.map((port) => listenAt(io, ports, port)));
  const sensors: SensorChoice[] = [];
  const quantitiesOf = new Map<string, Set<string>>();
  let position: Discovery["position"];
  for (const [at, port] of found.entries()) {
    const { text, recognised } = results[at]!;
    io.stdout.write(`  ${port.path}: ${text}\n`);
    if (recognised === undefined) continue;
    const { kind, baudRate, quantities, places } = recognised;
    if (places.length > 0) position ??= medianPlace(places);
    const stream = freeStream(quantitiesOf, usualStream(recognised), quantities);
    const address = baudRate === kind.baudRate ? port.path : `serial:${port.path}?baud=${baudRate}`;
    sensors.push({ stream, driver: kind.name, address });
  }
  return { sensors, position };
}

async function listenAt(
  io: ProgramIo,
  ports: DiscoveryPorts,
  port: FoundPort,
): Promise<{ text: string; recognised: Listened["recognised"] }> {
  const address = parseLineAddress(port.path);
  if (address?.kind !== "serial")
    return { text: "left out: its name is odd", recognised: undefined };
  try {
    const { recognised, heard } = await listen({
      connectAt: (baudRate) => ports.connectLine({ ...address, baudRate }, io),
      kinds: [...DRIVERS.values()].filter((kind) => linesOf(kind).includes("serial")),
      surroundings: { notBeforeMs: Date.parse(BUILD_DATE) },
      mayAsk: true,
      fixesWanted: FIXES_WANTED,
      clock: io.clock,
      signal: io.signal,
      begins: () => undefined,
    });
    if (recognised)
      return { text: `${recognised.kind.title}, ${recognised.baudRate} baud`, recognised };
    const isSilent = heard.every(({ bytes }) => bytes === 0);
    const what = isSilent ? "nothing is heard" : "something speaks that no driver understands";
    return { text: `left out: ${what}`, recognised: undefined };
  } catch (error) {
    io.signal.throwIfAborted();
    const { text, remedy } = explainPortError(port.path, error);
    return { text: `left out: ${text}. ${remedy}`, recognised: undefined };
  }
}

/** Two sensors of one quantity in one device are two streams. */
function freeStream(
  quantitiesOf: Map<string, Set<string>>,
  usual: string,
  quantities: readonly string[],
): string {
  for (let number = 1; ; number++) {
    const stream = number === 1 ? usual : `${usual}-${number}`;
    const taken = quantitiesOf.get(stream);
    if (taken === undefined) {
      quantitiesOf.set(stream, new Set(quantities));
      return stream;
    }
    if (quantities.length > 0 && quantities.every((quantity) => !taken.has(quantity))) {
      for (const quantity of quantities) taken.add(quantity);
      return stream;
    }
  }
}
