/**
 * Which adapter serves which kind of address, and what lines share: one connection a broker, one server a listen address.
 */

import { encodeHex } from "../../../ledger/bytes.ts";
import type { Clock } from "../../../platform/clock.ts";
import { formatListenAddress } from "../../../platform/listen-address.ts";
import type { Logger } from "../../../platform/log.ts";
import type { Random } from "../../../platform/random.ts";
import { UserError } from "../../../platform/user-error.ts";
import type { LineAddress, SerialAddress, TcpAddress } from "./address.ts";
import { Broker } from "./broker.ts";
import { connectBroker } from "./broker-transport.ts";
import type { BrokerAccess, LanAccess, PushAccess } from "./lan-access.ts";
import type { Connect } from "./line.ts";
import { noPushes, PushServer } from "./push-server.ts";
import type { PushCounts } from "./push-server.ts";
import { serialConnect } from "./serial-line.ts";
import { tcpConnect } from "./tcp-line.ts";

/** Makes what opens an address; tests put lines in memory in its place. Throws `UserError` for what the LAN lacks. */
export type ConnectTo = (address: LineAddress, parts: { readonly clock: Clock }) => Connect;

/** Gives what opens connections to a wire. */
export function connectTo(address: SerialAddress | TcpAddress, clock: Clock): Connect {
  return address.kind === "serial" ? serialConnect(address, clock) : tcpConnect(address);
}

/** What the lines of a process need. */
export interface LinesParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** The lines of a process. Nothing is open before a line is, and nothing after the last one was closed. */
export class Lines {
  private readonly parts: LinesParts;
  private readonly brokers = new Map<string, Broker>();
  private readonly servers = new Map<string, PushServer>();

  constructor(parts: LinesParts) {
    this.parts = parts;
  }

  /** Gives what connects the sensors of an agent, whose LAN is this. */
  connectTo(lan: LanAccess): ConnectTo {
    return (address, { clock }) => {
      switch (address.kind) {
        case "serial":
        case "tcp":
          return connectTo(address, clock);
        case "mqtt":
          if (lan.broker === undefined) throw new UserError("No broker is set under [lan].");
          return this.broker(lan.broker).connectTo(address);
        case "push":
          if (lan.push === undefined) throw new UserError("No push address is set under [lan].");
          return this.server(lan.push).connectTo(address);
      }
    };
  }

  /** How pushes were answered, over all servers; `undefined` where none was ever asked for. */
  pushes(): PushCounts | undefined {
    if (this.servers.size === 0) return undefined;
    const sum = noPushes();
    for (const server of this.servers.values()) {
      const counts = server.counters();
      for (const status of Object.keys(sum)) {
        const key = Number(status) as keyof PushCounts;
        sum[key] += counts[key];
      }
    }
    return sum;
  }

  private broker(access: BrokerAccess): Broker {
    const { url, username, password, ca } = access;
    const key = JSON.stringify([url, username, password, ca && encodeHex(ca)]);
    let broker = this.brokers.get(key);
    if (broker === undefined) {
      broker = new Broker({ ...this.parts, access, connect: connectBroker });
      this.brokers.set(key, broker);
    }
    return broker;
  }

  private server(access: PushAccess): PushServer {
    const key = formatListenAddress(access.listen);
    let server = this.servers.get(key);
    if (server === undefined) {
      server = new PushServer({ ...this.parts, access });
      this.servers.set(key, server);
    }
    const { login } = server;
    const isSame =
      login?.username === access.login?.username && login?.password === access.login?.password;
    if (!isSame)
      throw new UserError(`Two agents take pushes at ${key}, with different logins.`, {
        hint: "Give them the same pushUsername and pushPasswordFile, or two addresses.",
      });
    return server;
  }
}
