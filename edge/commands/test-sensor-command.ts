/** `kerbstone edge test-sensor PORT`: what is it that speaks there, and what does it say? */

import { formatHelp, parseFlags } from "../../platform/command-line.ts";
import type { CommandSpec } from "../../platform/command-line.ts";
import type { ProgramIo } from "../../platform/lifecycle.ts";
import { UserError } from "../../platform/user-error.ts";
import { BUILD_DATE } from "../settings/build-date.ts";
import { linesOf } from "../sensors/driver.ts";
import type { DriverKind, SensorEvent } from "../sensors/driver.ts";
import { DRIVERS } from "../sensors/drivers/drivers.ts";
import { ADDRESS_FORMS, parseLineAddress } from "../sensors/lines/address.ts";
import type { SerialAddress, TcpAddress } from "../sensors/lines/address.ts";
import { connectTo } from "../sensors/lines/connect.ts";
import { Line } from "../sensors/lines/line.ts";
import type { Connect } from "../sensors/lines/line.ts";
import { explainPortError } from "../sensors/lines/port-fault.ts";
import { listen } from "../finding/listening.ts";
import type { Listened } from "../finding/listening.ts";
import { looksLikeText, needsNoOptions, usualStream } from "../finding/recognition.ts";
import { formatSensor } from "../settings/settings-file.ts";
import { checkLanFlags, LAN_FLAGS, lanOfFlags } from "./lan-flags.ts";
import { testMessages } from "./message-test.ts";

const spec = {
  usage: "kerbstone edge test-sensor PORT [options]",
  about:
    "Listens at a serial port, a tcp:// address, a topic of the LAN's broker or for the pushes of a board, recognises the sensor, and shows what it says. PORT is as in the settings, such as /dev/serial/by-id/usb-…, tcp://host:port, mqtt:TOPIC (with --broker) or push:BOARD (with --push). 0 if a sensor was recognised, 1 if not.",
  flags: {
    driver: { type: "text", value: "NAME", about: "tries this driver only" },
    baud: { type: "text", value: "N", about: "listens at this speed only" },
    seconds: {
      type: "text",
      value: "N",
      about: "how long readings are shown, 0 until Ctrl-C (30)",
    },
    "listen-only": {
      type: "switch",
      about: "writes nothing to the line, not even to sensors that speak only when asked",
    },
    ...LAN_FLAGS,
  },
  positionals: { min: 1, max: 1, about: "a port, such as /dev/ttyUSB0 or tcp://192.168.1.20:4001" },
} as const satisfies CommandSpec;

/** Opens a wire. */
type ConnectWire = (
  address: SerialAddress | TcpAddress,
  parts: { readonly clock: ProgramIo["clock"] },
) => Connect;

/** Runs the command. */
export async function testSensor(
  io: ProgramIo,
  argv: readonly string[],
  connect: ConnectWire = (address, { clock }) => connectTo(address, clock),
): Promise<number> {
  const { flags, positionals, help } = parseFlags(argv, spec);
  if (help) {
    io.stdout.write(formatHelp(spec));
    return 0;
  }
  const text = positionals[0]!;
  const seconds = Number(flags.seconds ?? 30);
  if (!(seconds >= 0)) throw new UserError("--seconds needs a number, 0 for no end.");
  const withBaud = (baudRate: number | string): string =>
    `${text}${text.includes("?") ? "&" : "?"}baud=${baudRate}`;
  const asked = flags.baud === undefined ? text : withBaud(flags.baud);
  const address = parseLineAddress(asked);
  if (address === undefined) {
    throw new UserError(`${asked} is no address: ${ADDRESS_FORMS} is expected.`, {
      hint: "For example: kerbstone edge test-sensor /dev/ttyUSB0",
    });
  }
  const kinds = kindsOf(flags.driver).filter((kind) => linesOf(kind).includes(address.kind));
  if (kinds.length === 0)
    throw new UserError(`The driver ${flags.driver} has no such lines as ${text}.`);
  if (address.kind === "mqtt" || address.kind === "push") {
    const lan = lanOfFlags(flags, io.cwd);
    checkLanFlags(text, lan);
    return testMessages(io, { text, address, lan, kinds, seconds, format: formatEvent });
  }
  const isFixed = address.kind === "tcp" || asked.includes("baud=");
  let listened: Listened;
  try {
    listened = await listen({
      connectAt: (baudRate) =>
        connect(address.kind === "tcp" ? address : { ...address, baudRate }, io),
      baudRate: address.kind === "tcp" ? 0 : isFixed ? address.baudRate : undefined,
      kinds,
      surroundings: { notBeforeMs: Date.parse(BUILD_DATE) },
      mayAsk: !flags["listen-only"],
      clock: io.clock,
      signal: io.signal,
      begins: (baudRate, kind) => io.stdout.write(attempt(text, baudRate, kind)),
    });
  } catch (error) {
    if (io.signal.aborted) return 1;
    const { text: fault, remedy } = explainPortError(text, error);
    throw new UserError(`The sensor cannot be tested: ${fault}.`, { hint: remedy, cause: error });
  }
  const { recognised } = listened;
  if (recognised === undefined) {
    io.stdout.write(explainNothing(listened, kinds));
    return 1;
  }
  const { kind, baudRate } = recognised;
  const isUsual =
    address.kind === "tcp" || baudRate === kind.baudRate || (asked === text && isFixed);
  const setting = isUsual ? text : withBaud(baudRate).replace(/^(?!serial:)/, "serial:");
  const settings = formatSensor({
    stream: usualStream(recognised),
    driver: kind.name,
    address: setting,
  });
  const speed = address.kind === "tcp" ? "" : ` at ${baudRate} baud`;
  io.stdout.write(`\nThis is a ${kind.title}${speed}. Its settings:\n\n${settings}\nIt says:\n\n`);
  const line = connect(address.kind === "tcp" ? address : { ...address, baudRate }, io);
  await showReadings(io, kind, line, seconds, !flags["listen-only"]);
  return 0;
}

function kindsOf(name: string | undefined): DriverKind[] {
  if (name === undefined) return [...DRIVERS.values()];
  const kind = DRIVERS.get(name);
  if (kind === undefined)
    throw new UserError(`There is no driver ${name}.`, {
      hint: `Known are ${[...DRIVERS.keys()].join(", ")}.`,
    });
  if (!needsNoOptions(kind)) {
    throw new UserError(`The driver ${name} needs options, and cannot be tried without.`, {
      hint: "Write them into a settings file, start the agent, and look at kerbstone edge status.",
    });
  }
  return [kind];
}

function attempt(text: string, baudRate: number, kind: DriverKind | undefined): string {
  const speed = baudRate === 0 ? "" : ` at ${baudRate} baud`;
  return kind === undefined
    ? `Listening to ${text}${speed} …\n`
    : `Nothing was heard. Asking whether it is a ${kind.title}${speed} …\n`;
}

/** Says clearly what was heard, and what it may be. */
function explainNothing({ heard, asked }: Listened, kinds: readonly DriverKind[]): string {
  const lines = ["", "No sensor was recognised."];
  const untried = kinds.filter((kind) => !needsNoOptions(kind)).map(({ name }) => name);
  const loud = heard.filter(({ bytes }) => bytes > 0);
  for (const { baudRate, bytes, sample } of loud) {
    const speed = baudRate === 0 ? "" : `at ${baudRate} baud `;
    lines.push(`  ${speed}${bytes} bytes: ${quote(sample)}`);
  }
  const text = loud.find(({ sample }) => looksLikeText(sample));
  if (loud.length === 0) {
    lines.push(
      "Nothing at all was heard. Is the sensor powered, and its data pin on the adapter's RX?",
    );
    if (asked.length > 0)
      lines.push(`Asked without an answer: ${asked.join(", ")} (adapter's TX?).`);
  } else if (text !== undefined) {
    lines.push(
      "What comes is text that no driver takes. If the board is your own, docs/line-protocol.md says what to print.",
    );
  } else {
    lines.push(
      "What comes is nothing that a driver understands: another kind of sensor, another mode (such as ?mode=7E1), or noise.",
    );
  }
  if (untried.length > 0)
    lines.push(`Not tried, since they need options: ${untried.join(", ")}; see docs/drivers.md.`);
  return `${lines.join("\n")}\n`;
}

const QUOTED_BYTES_MAX = 48;

/** Text as text, control characters escaped; other bytes in hexadecimal. */
function quote(sample: Uint8Array): string {
  const bytes = [...sample.subarray(0, QUOTED_BYTES_MAX)];
  const rest = sample.length > QUOTED_BYTES_MAX ? " …" : "";
  if (looksLikeText(sample)) return JSON.stringify(String.fromCharCode(...bytes)) + rest;
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" ") + rest;
}

/** Shows what a recognised sensor says, for so many seconds, or until the program is stopped. */
async function showReadings(
  io: ProgramIo,
  kind: DriverKind,
  connect: Connect,
  seconds: number,
  mayWrite: boolean,
): Promise<void> {
  const { clock, random } = io;
  const driver = kind.create({}, { notBeforeMs: Date.parse(BUILD_DATE) });
  const stopping = new AbortController();
  const stop = (): void => stopping.abort(io.signal.reason);
  io.signal.addEventListener("abort", stop, { once: true });
  if (io.signal.aborted) stop();
  const faultWord = (): string =>
    (driver.warmUpLeftMs?.(clock.monotonicMs()) ?? 0) > 0 ? "warming up" : "FAULTY";
  const take = (events: readonly SensorEvent[]): undefined => {
    for (const event of events) {
      if (event.kind !== "write") io.stdout.write(formatEvent(event, clock.nowMs(), faultWord()));
      else if (mayWrite) line.write(event.bytes);
    }
  };
  const line = new Line({
    connect,
    clock,
    random,
    handlers: {
      opened: (atMs) => take(driver.opened(atMs)),
      bytes: (chunk, atMs) => take(driver.push(chunk, atMs)),
      closed: (_, cause) => {
        const why = cause ? `: ${cause.message}` : "";
        if (!stopping.signal.aborted) io.stdout.write(`  the line is closed${why}\n`);
      },
      silent: () => io.stdout.write("  it says nothing any more\n"),
    },
  });
  const running = line.run(stopping.signal);
  const endMs = seconds === 0 ? Infinity : clock.monotonicMs() + seconds * 1000;
  while (!stopping.signal.aborted && clock.monotonicMs() < endMs) {
    await clock.sleep(250, stopping.signal).catch(() => undefined);
    if (line.state !== "closed") take(driver.tick(clock.monotonicMs()));
  }
  stop();
  await running;
  io.signal.removeEventListener("abort", stop);
  const { framesGood, framesBad, bytesSkipped } = driver.counters();
  io.stdout.write(
    `\n${framesGood} frames good, ${framesBad} bad, ${bytesSkipped} bytes skipped.\n`,
  );
}

function formatEvent(
  event: Exclude<SensorEvent, { kind: "write" }>,
  nowMs: number,
  faultWord = "FAULTY",
): string {
  const time = new Date(nowMs).toISOString().slice(11, 19);
  if (event.kind === "fix") {
    const { lat, lon, quality } = event.fix;
    return `  ${time}  position ${lat.toFixed(6)} ${lon.toFixed(6)}, quality ${quality}\n`;
  }
  const values = event.readings.map(
    ({ quantity, value, unit, fault }) =>
      `${quantity} ${value}${unit === "" ? "" : ` ${unit}`}${fault === true ? ` (${faultWord})` : ""}`,
  );
  return `  ${time}  ${values.join(", ")}\n`;
}
