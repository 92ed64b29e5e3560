/**
 * Where the messages of a board go: to an MQTT broker, with a will that tells of the board's end.
 *
 * A board that loses its broker goes on measuring, and tries again every two seconds; what it says meanwhile is lost.
 */
import { Buffer } from "node:buffer";
import { connect, type MqttClient } from "mqtt";
import type { Clock } from "../../platform/clock.ts";
import type { BoardMessage, Destination, Presence } from "../boards/board.ts";
import { CLOSE_LIMIT_MS, type Outlet, ReadyQueue, WAITING_BYTES_MAX } from "./outlet.ts";

/** Which broker: `mqtt://host:port` or `mqtts://host:port`. */
export interface MqttPlace {
  readonly broker: string;
}

const OPENING_LIMIT_MS = 10_000;
const RECONNECT_MS = 2_000;

/** Connects. Rejects when the broker cannot be reached the first time. */
export async function openMqttOutlet(
  place: MqttPlace,
  presence: Presence | undefined,
  clock: Clock,
): Promise<Outlet> {
  const client = connect(place.broker, {
    protocolVersion: 4,
    clean: true,
    reconnectPeriod: RECONNECT_MS,
    connectTimeout: OPENING_LIMIT_MS,
    queueQoSZero: false,
    resubscribe: false,
    ...(presence === undefined ? {} : { will: willOf(presence.offline) }),
  });
  const outlet = new MqttOutlet(place, client, presence, clock);
  try {
    await opened(client, clock);
  } catch (error) {
    client.end(true);
    throw error;
  }
  return outlet;
}

function opened(client: MqttClient, clock: Clock): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(OPENING_LIMIT_MS, () => reject(new Error("it does not answer")));
    const settle = (act: () => void) => (): void => {
      cancel();
      act();
    };
    client.once("connect", settle(resolve));
    client.once("error", (error) => settle(() => reject(error))());
    client.once(
      "close",
      settle(() => reject(new Error("the connection was closed"))),
    );
  });
}

class MqttOutlet implements Outlet {
  readonly address: string;
  readonly ended: Promise<Error | undefined>;
  readonly #client: MqttClient;
  readonly #presence: Presence | undefined;
  readonly #clock: Clock;
  readonly #queue: ReadyQueue;
  #end: () => void = () => undefined;
  #bytesWaiting = 0;
  #bytesLost = 0;

  constructor(place: MqttPlace, client: MqttClient, presence: Presence | undefined, clock: Clock) {
    this.address = place.broker;
    this.#client = client;
    this.#presence = presence;
    this.#clock = clock;
    this.#queue = new ReadyQueue(() => this.#takesBytes());
    this.ended = new Promise((resolve) => {
      this.#end = () => resolve(undefined);
    });
    client.on("connect", () => {
      for (const { bytes, to } of presence?.online ?? []) this.#publish(bytes, to);
      this.#queue.check();
    });
    // A broker that is away is tried again; without a listener it would end the program.
    client.on("error", () => undefined);
  }

  get bytesLost(): number {
    return this.#bytesLost;
  }

  write(bytes: Uint8Array, to?: Destination): void {
    if (this.#takesBytes()) this.#publish(bytes, to);
    else this.#bytesLost += bytes.length;
  }

  ready(signal: AbortSignal): Promise<void> {
    return this.#queue.wait(signal);
  }

  unplug(): Promise<void> {
    // Without a DISCONNECT: the broker publishes the will.
    return new Promise((resolve) => {
      this.#client.end(true, {}, () => resolve());
    });
  }

  plug(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    // Tries until the broker is there.
    this.#client.reconnect();
    return Promise.resolve();
  }

  async close(): Promise<void> {
    const offline = this.#presence?.offline;
    if (offline && this.#client.connected) this.#publish(offline.bytes, offline.to);
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(CLOSE_LIMIT_MS, resolve);
      this.#client.end(false, {}, () => {
        cancel();
        resolve();
      });
    });
    this.#client.end(true);
    this.#end();
  }

  #publish(bytes: Uint8Array, to: Destination | undefined): void {
    if (to?.kind !== "publish") throw new Error("a message for a broker has no topic");
    const { topic, isRetained } = to;
    this.#bytesWaiting += bytes.length;
    this.#client.publish(topic, Buffer.from(bytes), { qos: 0, retain: isRetained }, (error) => {
      this.#bytesWaiting -= bytes.length;
      if (error) this.#bytesLost += bytes.length;
      this.#queue.check();
    });
  }

  #takesBytes(): boolean {
    return this.#client.connected && this.#bytesWaiting < WAITING_BYTES_MAX;
  }
}

function willOf({ bytes, to }: BoardMessage): {
  topic: string;
  payload: Buffer;
  qos: 0;
  retain: boolean;
} {
  if (to.kind !== "publish") throw new Error("a will has no topic");
  return { topic: to.topic, payload: Buffer.from(bytes), qos: 0, retain: to.isRetained };
}
