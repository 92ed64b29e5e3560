/**
 * Addresses from which logins fail: after so many in a while they are not listened to any more for the rest of it.
 *
 * A token has 256 random bits, so nobody guesses one; this keeps those who try from costing the hub anything.
 */

import { isIPv6 } from "node:net";
import type { IncomingMessage } from "node:http";
import type { Clock } from "../../platform/clock.ts";
import type { PreviewLimits } from "./limits.ts";

const ADDRESSES_MAX = 10_000;

/** Failures by address, bounded: at the bound the one that began first is forgotten. */
export class LoginFailures {
  readonly #clock: Clock;
  readonly #limits: Pick<PreviewLimits, "failuresMax" | "failureWindowMs">;
  readonly #byAddress = new Map<string, { count: number; readonly untilMs: number }>();

  constructor(clock: Clock, limits: Pick<PreviewLimits, "failuresMax" | "failureWindowMs">) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Counts a failure. */
  note(address: string): void {
    const known = this.#current(address);
    if (known !== undefined) {
      known.count += 1;
      return;
    }
    if (this.#byAddress.size >= ADDRESSES_MAX) {
      for (const [oldest] of this.#byAddress) {
        this.#byAddress.delete(oldest);
        break;
      }
    }
    const untilMs = this.#clock.monotonicMs() + this.#limits.failureWindowMs;
    this.#byAddress.set(address, { count: 1, untilMs });
  }

  /** For how many seconds more the address is not listened to; 0 where it is. */
  blockedSeconds(address: string): number {
    const known = this.#current(address);
    if (known === undefined || known.count < this.#limits.failuresMax) return 0;
    return Math.ceil((known.untilMs - this.#clock.monotonicMs()) / 1000);
  }

  #current(address: string): { count: number; readonly untilMs: number } | undefined {
    const known = this.#byAddress.get(address);
    if (known === undefined || known.untilMs > this.#clock.monotonicMs()) return known;
    this.#byAddress.delete(address);
    return undefined;
  }
}

/**
 * Whose request it is, as far as that can be told.
 *
 * Where a proxy on this very machine passes requests on, the last address in its `X-Forwarded-For` is the one that the
 * proxy itself has seen. Of IPv6 the first 64 bits count: the rest is for its owner to choose.
 */
export function addressOf(request: Pick<IncomingMessage, "headers" | "socket">): string {
  const direct = request.socket.remoteAddress ?? "unknown";
  const forwarded = [request.headers["x-forwarded-for"]].flat().join(",").split(",").at(-1)?.trim();
  const isProxied = /^(::ffff:)?127\.|^::1$/.test(direct) && forwarded !== "";
  const address = (isProxied ? forwarded! : direct).replace(/^::ffff:(?=\d+\.)/i, "");
  return isIPv6(address) ? networkOf(address) : address.slice(0, 64);
}

/** The first four groups of an IPv6 address. */
function networkOf(address: string): string {
  const [head = "", tail] = address.toLowerCase().split("::");
  const first = head.split(":").filter((group) => group !== "");
  const last = (tail ?? "").split(":").filter((group) => group !== "");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - first.length - last.length);
  const groups = [...first, ...Array.from({ length: zeros }, () => "0"), ...last];
  return `${groups.slice(0, 4).join(":")}::/64`;
}
