/** Ties an agent to Home Assistant, where its settings ask for it (docs/edge.md, "Home Assistant"). */

import type { Clock } from "../../platform/clock.ts";
import type { Logger } from "../../platform/log.ts";
import { VERSION } from "../../platform/version.ts";
import type { Agent } from "../agent.ts";
import { Announcer } from "../home-assistant/announcer.ts";
import { LedgerWatch } from "../home-assistant/ledger-state.ts";
import { connectBroker } from "../sensors/lines/broker-transport.ts";
import type { BrokerAccess } from "../sensors/lines/lan-access.ts";
import type { EdgeConfig } from "../settings/config.ts";
import { streamsOf } from "../settings/lan.ts";

/** Makes the announcer of an agent, which tells what the agent shows of itself. */
export function announcerOf(
  agent: Pick<Agent, "latest" | "status">,
  config: Pick<EdgeConfig, "name" | "origin" | "homeAssistant" | "sensors">,
  broker: BrokerAccess,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): Announcer {
  const { name, origin, homeAssistant, sensors } = config;
  const { username, password } = broker;
  const login = {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  };
  const watch = new LedgerWatch(clock);
  return new Announcer({
    device: name,
    origin,
    version: VERSION,
    prefix: homeAssistant.prefix,
    expireAfterSeconds: homeAssistant.expireAfterSeconds,
    streams: sensors.flatMap(streamsOf),
    look: () => ({ latest: agent.latest, ledger: watch.next(agent.status()) }),
    connect: (options) => connectBroker(broker, { ...options, ...login }, () => undefined),
    clock,
    logger,
  });
}
