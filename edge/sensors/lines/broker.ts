/**
 * The LAN's broker, as the lines of a process share it: one connection for all of them while any is open.
 *
 * Lines that may hear the same topic through different filters get a connection each: over one, a broker may send such a
 * message once for each of them (MQTT 3.1.1, 3.3.5), and nobody could tell it from two measurements. A lost broker
 * closes all lines, each of which comes back in its own time; however many they are, a broker that could not be reached
 * is left alone for a second.
 */

import type { Clock } from "../../../platform/clock.ts";
import type { Logger } from "../../../platform/log.ts";
import type { Random } from "../../../platform/random.ts";
import { filtersOverlap } from "../topic-filter.ts";
import type { MqttAddress } from "./address.ts";
import { BrokerSession } from "./broker-session.ts";
import type { ConnectBroker } from "./broker-transport.ts";
import type { BrokerAccess } from "./lan-access.ts";
import type { Connect, Connection, ConnectionEvents } from "./line.ts";

/** What a broker is made of. */
export interface BrokerParts {
  readonly access: BrokerAccess;
  readonly connect: ConnectBroker;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

const ATTEMPT_GAP_MS = 1_000;

/** See the head of the file. */
export class Broker {
  private readonly parts: BrokerParts;
  private readonly channels: Channel[] = [];
  private nextAttemptMs = 0;

  constructor(parts: BrokerParts) {
    this.parts = parts;
  }

  /** Gives what opens the line to a topic. */
  connectTo(address: MqttAddress): Connect {
    const filters = filtersOf(address);
    return async (events, signal) => {
      const channel = this.channelFor(filters);
      const seat = channel.enter(filters);
      try {
        return await channel.join(seat, events, signal);
      } catch (error) {
        await this.leave(channel, seat);
        throw error;
      }
    };
  }

  /** The first channel whose lines hear nothing of this, or exactly this. */
  private channelFor(filters: readonly string[]): Channel {
    const found = this.channels.find((channel) =>
      channel.filters.every((other) =>
        filters.every((filter) => filter === other || !filtersOverlap(filter, other)),
      ),
    );
    if (found) return found;
    const channel = new Channel({
      open: (signal, ended) => this.open(signal, ended),
      left: (seat) => this.leave(channel, seat),
    });
    this.channels.push(channel);
    return channel;
  }

  private leave(channel: Channel, seat: Seat): Promise<void> {
    const closing = channel.release(seat);
    if (channel.isEmpty && this.channels.includes(channel))
      this.channels.splice(this.channels.indexOf(channel), 1);
    return closing;
  }

  /** Connects, after the gap to an attempt that has failed. */
  private async open(signal: AbortSignal, ended: (reason: Error) => void): Promise<BrokerSession> {
    const { clock, logger, access } = this.parts;
    const waitMs = this.nextAttemptMs - clock.monotonicMs();
    if (waitMs > 0) await clock.sleep(waitMs, signal);
    const trimmed = (): void =>
      logger.warn(
        { broker: access.url },
        "a message of the LAN's broker is too long, and empty now",
      );
    try {
      return await BrokerSession.open({ ...this.parts, trimmed }, ended);
    } catch (error) {
      this.nextAttemptMs = clock.monotonicMs() + ATTEMPT_GAP_MS;
      throw error;
    }
  }
}

/** The place of a line in a channel. */
interface Seat {
  readonly filters: readonly string[];
}

interface ChannelParts {
  readonly open: (signal: AbortSignal, ended: (reason: Error) => void) => Promise<BrokerSession>;
  /** Told when a line is closed, whoever closed it. Resolves when that has ended what had to end. */
  readonly left: (seat: Seat) => Promise<void>;
}

/** Lines that share one connection. */
class Channel {
  private readonly parts: ChannelParts;
  private readonly seats = new Set<Seat>();
  private session: Promise<BrokerSession> | undefined;
  private isOpening = false;
  private opening = new AbortController();

  constructor(parts: ChannelParts) {
    this.parts = parts;
  }

  get isEmpty(): boolean {
    return this.seats.size === 0;
  }

  /** What its lines hear. */
  get filters(): string[] {
    return [...this.seats].flatMap(({ filters }) => filters);
  }

  /** Keeps a place, so that the next line knows of this one before it is open. */
  enter(filters: readonly string[]): Seat {
    const seat = { filters };
    this.seats.add(seat);
    return seat;
  }

  /** Gives a place up. The last one ends the connection; one that is still opening ends when it is open. */
  async release(seat: Seat): Promise<void> {
    if (!this.seats.delete(seat) || !this.isEmpty) return;
    this.opening.abort(new Error("nobody waits for the broker any more"));
    const { session, isOpening } = this;
    this.session = undefined;
    const closing = session?.then((open) => open.close()).catch(() => undefined);
    if (!isOpening) await closing;
  }

  async join(seat: Seat, events: ConnectionEvents, signal: AbortSignal): Promise<Connection> {
    const session = await abortable(this.shared(), signal);
    const own: ConnectionEvents = {
      bytes: (chunk) => events.bytes(chunk),
      refused: (bytes) => events.refused?.(bytes),
      closed: (cause) => {
        void this.parts.left(seat);
        events.closed(cause);
      },
    };
    const adding = session.add({ filters: seat.filters, events: own });
    let leave: () => void;
    try {
      leave = await abortable(adding, signal);
    } catch (error) {
      // A line that gave up must not hear what it has subscribed to.
      void adding.then((late) => late()).catch(() => undefined);
      throw error;
    }
    return {
      write: () => false,
      close: async () => {
        if (!this.seats.has(seat)) return;
        leave();
        await this.parts.left(seat);
        events.closed(undefined);
      },
    };
  }

  /** The connection, opened by whoever comes first. */
  private shared(): Promise<BrokerSession> {
    if (this.session) return this.session;
    this.opening = new AbortController();
    const session = this.parts.open(this.opening.signal, () => forget());
    const forget = (): void => {
      if (this.session === session) this.session = undefined;
    };
    this.session = session;
    this.isOpening = true;
    const opened = (): void => {
      if (this.session === session) this.isOpening = false;
    };
    session.then(opened, forget);
    return session;
  }
}

/** A line's filters; what is heard besides is left out where the line hears it anyway. */
function filtersOf({ filter, besides = [] }: MqttAddress): string[] {
  const filters = [filter];
  for (const other of besides)
    if (!filters.some((known) => filtersOverlap(known, other))) filters.push(other);
  return filters;
}

/** Waits for `work` or for the signal, whichever is first. */
function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
