/**
 * `kerbstone edge test-sensor` for boards of the LAN: what they say, which driver takes it, and what to write into the
 * settings.
 */

import type { ProgramIo } from "../../platform/lifecycle.ts";
import type { Logger } from "../../platform/log.ts";
import { silentLogger } from "../../platform/log.ts";
import { UserError } from "../../platform/user-error.ts";
import { MessageEar } from "../finding/message-recognition.ts";
import type { RecognisedBoard, StrangeValue } from "../finding/message-recognition.ts";
import { usualStream } from "../finding/recognition.ts";
import type { Driver, DriverKind, SensorEvent } from "../sensors/driver.ts";
import type { Message } from "../sensors/framers/message.ts";
import type { MqttAddress, PushAddress } from "../sensors/lines/address.ts";
import { Lines } from "../sensors/lines/connect.ts";
import { Line } from "../sensors/lines/line.ts";
import { explainPortError } from "../sensors/lines/port-fault.ts";
import { BUILD_DATE } from "../settings/build-date.ts";
import { openLan } from "../settings/lan.ts";
import type { LanConfig } from "../settings/lan.ts";
import { formatLan, formatSensor } from "../settings/settings-file.ts";

/** What is tested, and with what. */
export interface MessageTest {
  /** As the user wrote it. */
  readonly text: string;
  readonly address: MqttAddress | PushAddress;
  readonly lan: LanConfig;
  readonly kinds: readonly DriverKind[];
  /** How long readings are shown once the board is recognised; 0 for ever. */
  readonly seconds: number;
  readonly format: (event: Exclude<SensorEvent, { kind: "write" }>, nowMs: number) => string;
}

/** Boards speak every few minutes, and one message may get lost. */
const PATIENCE_MS = 660_000;
const PAYLOAD_SHOWN_MAX = 160;
/** More than this is no help, and a flood. */
const MESSAGES_SHOWN_MAX = 50;

/** Hears, shows and recognises. Gives the exit code: 0 if a driver takes what is said, 1 if not. */
export async function testMessages(io: ProgramIo, test: MessageTest): Promise<number> {
  const { text, address, lan, kinds, seconds } = test;
  const { clock, random, stdout } = io;
  const logger = strangersShown(io);
  const lines = new Lines({ clock, random, logger });
  const connect = lines.connectTo(await openLan(io.files, lan, io.cwd));
  const stopping = new AbortController();
  const signal = AbortSignal.any([io.signal, stopping.signal]);
  const surroundings = { notBeforeMs: Date.parse(BUILD_DATE) };
  const ear = new MessageEar(kinds, address.kind, surroundings);
  let driver: Driver | undefined;
  let endMs = clock.monotonicMs() + PATIENCE_MS;
  let shown = 0;
  let fault: Error | undefined;
  const hear = (chunk: Uint8Array, atMs: number): number => {
    for (const message of ear.hear(chunk, atMs))
      if (shown++ < MESSAGES_SHOWN_MAX) stdout.write(formatHeard(message, clock.nowMs()));
    const recognised = ear.recognised();
    if (driver === undefined && recognised !== undefined) {
      driver = recognised.kind.create({}, surroundings);
      endMs = seconds === 0 ? Infinity : clock.monotonicMs() + seconds * 1000;
      stdout.write(explainBoard(test, recognised));
    }
    const events = driver?.push(chunk, atMs) ?? [];
    return events.map((event) => showEvent(io, test, event)).reduce((sum, count) => sum + count, 0);
  };
  const line = new Line({
    connect: connect(withPresence(address, kinds), { clock }),
    clock,
    random,
    handlers: {
      opened: () => stdout.write(`Listening to ${text}, up to eleven minutes …\n`),
      bytes: hear,
      closed: (_, cause) => {
        if (shown === 0) fault = cause;
        if (fault) stopping.abort();
        else if (!signal.aborted) stdout.write("  the line is closed\n");
      },
      silent: () => stdout.write("  nothing is said\n"),
    },
  });
  const running = line.run(signal);
  while (!signal.aborted && clock.monotonicMs() < endMs)
    await clock.sleep(250, signal).catch(() => undefined);
  stopping.abort();
  await running;
  if (fault && !io.signal.aborted) {
    const { text: what, remedy } = explainPortError(text, fault);
    throw new UserError(`The board cannot be heard: ${what}.`, { hint: remedy, cause: fault });
  }
  stdout.write(
    driver === undefined ? explainStrange(test, ear.strangeValues(), shown) : summary(driver),
  );
  return driver === undefined ? 1 : 0;
}

/** What was understood, and what was not. */
function summary(driver: Driver): string {
  const passedOver = Object.entries(driver.passedOver?.() ?? {}).filter(([, count]) => count > 0);
  const rest = passedOver.map(([reason, count]) => `, ${count} ${reason}`).join("");
  const parts = (driver.parts?.() ?? []).map(
    ({ name }) => `Two sources: ${name}. Neither is taken.\n`,
  );
  return `\n${driver.counters().framesGood} messages understood${rest}.\n${parts.join("")}`;
}

/** What a board that nobody knows pushes is told of by the server's log: its id may be the one that is looked for. */
function strangersShown({ stdout }: ProgramIo): Logger {
  return {
    ...silentLogger,
    warn: (fields, message) => void stdout.write(`  ${message}: ${JSON.stringify(fields)}\n`),
  };
}

function withPresence(
  address: MqttAddress | PushAddress,
  kinds: readonly DriverKind[],
): MqttAddress | PushAddress {
  if (address.kind !== "mqtt") return address;
  return { ...address, besides: kinds.flatMap(({ besides }) => besides?.(address.filter) ?? []) };
}

function formatHeard({ topic, payload, isRetained }: Message, nowMs: number): string {
  const said = typeof payload === "string" ? payload : JSON.stringify(payload);
  const short = said.length > PAYLOAD_SHOWN_MAX ? `${said.slice(0, PAYLOAD_SHOWN_MAX)} …` : said;
  const kept = isRetained ? " (kept by the broker)" : "";
  return `  ${timeOf(nowMs)}  ${printable(`${topic}: ${short}`)}${kept}\n`;
}

/** What comes from the LAN must not steer the terminal. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, "?");
}

function timeOf(nowMs: number): string {
  return new Date(nowMs).toISOString().slice(11, 19);
}

function showEvent({ stdout, clock }: ProgramIo, test: MessageTest, event: SensorEvent): number {
  if (event.kind !== "readings") return 0;
  stdout.write(test.format(event, clock.nowMs()));
  return event.readings.length;
}

function explainBoard({ text, lan }: MessageTest, board: RecognisedBoard): string {
  const { kind } = board;
  const sensor = formatSensor({ stream: usualStream(board), driver: kind.name, address: text });
  return `\nThis is a ${kind.title}. Its settings:\n${formatLan(lan).join("\n")}\n\n${sensor}\nIt says:\n\n`;
}

function explainStrange(
  { text, lan, address }: MessageTest,
  values: readonly StrangeValue[],
  messages: number,
): string {
  if (messages === 0) {
    const why =
      address.kind === "mqtt"
        ? "Is the topic right, and does the board publish there? `mqtt:#` hears everything."
        : "Is the board set to push to this machine's address and port, under this id?";
    return `\nNothing was heard. ${why}\n`;
  }
  if (values.length === 0) return "\nNo board was recognised, and no number was in what it said.\n";
  const topics = new Set(values.map(({ topic }) => topic));
  const entries = values.map(({ topic, path, value, quantity }) => {
    const place = topics.size > 1 ? `topic = ${JSON.stringify(topic)}, ` : "";
    const known = `  { quantity = "${quantity ?? "?"}", ${place}path = ${JSON.stringify(path)} },`;
    return `${quantity === undefined ? "#" : ""}${known} # ${value}`;
  });
  const known = values.flatMap(({ quantity }) => quantity ?? []);
  const kind = { name: "json" } as DriverKind;
  const stream = usualStream({ kind, quantities: known });
  return [
    "",
    "No board was recognised. Any board that says JSON can be read all the same: say what is what, in the units of",
    'docs/quantities.md, and leave out the rest (docs/drivers.md, "Sensors on the LAN").',
    ...formatLan(lan),
    "",
    formatSensor({ stream, driver: "json", address: text }).trimEnd(),
    "",
    "[sensors.options]",
    "values = [",
    ...entries,
    "]",
    "",
  ].join("\n");
}
