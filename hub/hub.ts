/**
 * One hub, put together: log, admission, broker, acks, quarantine, presence and the pace of sealing.
 *
 * Opens no port and reads no setting: connections come in through `accept`, files, time and chance through the parts,
 * so that a whole city runs in one process. What else is fed by the log (API, mirror, cosigning) is built on the
 * members shown here and follows their events; none of it can hold up admission.
 */

import type { Duplex } from "node:stream";
import { encodeHex, encodeUtf8 } from "../ledger/bytes.ts";
import { Refusal } from "../ledger/errors.ts";
import { decodeRevoke } from "../ledger/kinds/revoke.ts";
import type { Hash } from "../ledger/sha256.ts";
import type { Verify } from "../ledger/signature.ts";
import type { Clock } from "../platform/clock.ts";
import type { Files } from "../platform/files.ts";
import type { Logger } from "../platform/log.ts";
import { Acks } from "./admission/acks.ts";
import type { CosignedView } from "./admission/acks.ts";
import { formatNack } from "./admission/nack.ts";
import { AdmissionPipeline } from "./admission/pipeline.ts";
import { Progress } from "./admission/progress.ts";
import { Quarantine } from "./admission/quarantine.ts";
import { SignatureChecks } from "./admission/signature-checks.ts";
import type { VerifyWorkers } from "./admission/signature-checks.ts";
import { Broker, BROKER_LIMITS } from "./broker/broker.ts";
import type { BrokerLimits } from "./broker/broker.ts";
import { Presence } from "./broker/presence.ts";
import type { AcceptedEntry, Decision, HubLog } from "./log.ts";
import { Sealer } from "./sealer.ts";
import { vkeyOfLog } from "./vkey.ts";

/** What a hub is made of. */
export interface HubParts {
  /** Open, and the hub's alone. `close` closes it. */
  readonly log: HubLog;
  readonly files: Files;
  /** The data folder. */
  readonly folder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly verify: Verify;
  /** Absent: all signatures are checked on the calling thread. */
  readonly workers?: VerifyWorkers | undefined;
  /** Absent: the log has no quorum, and acks do not speak of one. */
  readonly cosigned?: CosignedView | undefined;
  readonly brokerLimits?: BrokerLimits | undefined;
  readonly ackIntervalMs?: number | undefined;
  /** Told of everything that was decided, once it is durable. */
  readonly onDecision?: ((decision: Decision) => void) | undefined;
  /** Asked before the first seal: rejects where a mirror knows more of this log than the disk. */
  readonly beforeFirstSeal?: (() => Promise<void>) | undefined;
}

const ACK_INTERVAL_MS = 1000;
const LEAVE_MS_MAX = 1000;

/** A running hub. */
export class Hub {
  readonly log: HubLog;
  readonly presence: Presence;
  readonly quarantine: Quarantine;
  readonly pipeline: AdmissionPipeline;
  readonly broker: Broker;
  /** Rejects when the hub can no longer vouch for its disk; the program then ends without touching the log. */
  readonly failure: Promise<never>;
  readonly #acks: Acks;
  readonly #sealer: Sealer;
  readonly #clock: Clock;
  readonly #onRevoked = new Set<(kid: string) => void>();

  private constructor(
    own: Pick<Hub, "log" | "presence" | "quarantine" | "pipeline" | "broker" | "failure">,
    services: { acks: Acks; sealer: Sealer; clock: Clock },
  ) {
    this.log = own.log;
    this.presence = own.presence;
    this.quarantine = own.quarantine;
    this.pipeline = own.pipeline;
    this.broker = own.broker;
    this.failure = own.failure;
    this.#acks = services.acks;
    this.#sealer = services.sealer;
    this.#clock = services.clock;
  }

  /** Starts a hub on an open log. Sealing begins; connections may come. */
  static async open(parts: HubParts): Promise<Hub> {
    const { log, clock, logger, cosigned } = parts;
    const fatal = fatalSwitch();
    const presence = new Presence();
    const quarantine = await Quarantine.open(parts.files, `${parts.folder}/quarantine`);
    const progress = await Progress.open(log, cosigned?.cosignedSize());
    const checks = new SignatureChecks({ verify: parts.verify, workers: parts.workers, logger });
    const pipeline = new AdmissionPipeline({
      log,
      checks,
      quarantine,
      clock,
      onFatal: fatal.trip,
      onRoom: () => broker.resume(),
      onDecision: parts.onDecision,
    });
    const broker: Broker = await Broker.open(
      {
        origin: log.state.origin,
        clock,
        logger,
        presence,
        liveKey: (name) => log.state.registry.liveKey(name),
        admit: (device, body, decided) =>
          pipeline.submit(device, body, (decision, hash) => {
            hub.#reply(device, decision, hash);
            decided();
          }),
        isBusy: () => pipeline.isBusy,
        refreshAck: (device) => acks.refresh(device),
      },
      parts.brokerLimits ?? BROKER_LIMITS,
    );
    const acks = new Acks({
      log,
      progress,
      cosigned,
      clock,
      logger,
      intervalMs: parts.ackIntervalMs ?? ACK_INTERVAL_MS,
      isConnected: (device) => broker.isConnected(device),
      publish: (device, body) => broker.publishAck(device, body),
    });
    const sealer = new Sealer({
      log,
      clock,
      beforeFirst: parts.beforeFirstSeal,
      onFatal: fatal.trip,
    });
    const { failure } = fatal;
    const own = { log, presence, quarantine, pipeline, broker, failure };
    const hub = new Hub(own, { acks, sealer, clock });
    hub.#follow(progress, cosigned);
    hub.#sealer.start();
    void hub.#announce(true);
    return hub;
  }

  /** The hub's verifier key, for those who are to check its checkpoints. */
  get vkey(): string {
    return vkeyOfLog(this.log.state);
  }

  /** Serves MQTT on a stream. */
  accept(stream: Duplex): void {
    this.broker.accept(stream);
  }

  /** Calls `listener` with each key that may speak no longer, 16 hex digits; gives what ends it. */
  onRevoked(listener: (kid: string) => void): () => void {
    this.#onRevoked.add(listener);
    return () => this.#onRevoked.delete(listener);
  }

  /** What the hub says of itself, on `hub/status` and to its operator. */
  status(): { origin: string; vkey: string; height: number; size: number } {
    const { origin, head } = this.log.state;
    return { origin, vkey: this.vkey, height: head?.height ?? -1, size: this.log.sealedSize };
  }

  /** Stops taking in, waits for what is being written, and closes the log. Undecided messages are never acknowledged. */
  async close(): Promise<void> {
    await this.#sealer.stop();
    this.#acks.close();
    await this.#takeLeave();
    await this.broker.close();
    await this.pipeline.close();
    try {
      await this.quarantine.close();
    } finally {
      await this.log.close();
    }
  }

  #follow(progress: Progress, cosigned: CosignedView | undefined): void {
    const { log, presence } = this;
    log.onAccepted((entries) => this.#noteRevocations(entries));
    log.onSealed(() => {
      void this.#announce(true);
      this.#acks.noteProgress(this.broker.connectedDevices());
    });
    cosigned?.onCosigned((size) => {
      progress.cosign(size);
      this.#acks.noteProgress(this.broker.connectedDevices());
    });
    presence.onPresence(({ device, online }) => {
      if (!online) this.#acks.forget(device);
    });
  }

  /** A key that may speak no longer loses its connections. */
  #noteRevocations(entries: readonly AcceptedEntry[]): void {
    for (const { statement } of entries) {
      if (statement.kind !== "revoke") continue;
      const revoke = decodeRevoke(statement.payload);
      if (revoke instanceof Refusal) continue;
      const kid = encodeHex(revoke.kid);
      this.broker.disconnect(kid);
      for (const listener of this.#onRevoked) listener(kid);
    }
  }

  #reply(device: string, decision: Decision, hash: Hash): void {
    const nack = formatNack(decision, hash);
    if (nack === undefined) this.#acks.noteStored(device);
    else this.broker.publishNack(device, nack);
  }

  async #announce(online: boolean): Promise<void> {
    await this.broker.publishHubStatus(encodeUtf8(JSON.stringify({ online, ...this.status() })));
  }

  /** Says goodbye; a client that does not read is not waited for. */
  async #takeLeave(): Promise<void> {
    let cancel = (): void => undefined;
    const late = new Promise<void>((resolve) => {
      cancel = this.#clock.after(LEAVE_MS_MAX, resolve);
    });
    await Promise.race([this.#announce(false), late]);
    cancel();
  }
}

/** A promise that only ever rejects, and the one way to make it: the first fault counts. */
function fatalSwitch(): { failure: Promise<never>; trip: (error: unknown) => void } {
  let trip: (error: unknown) => void = () => undefined;
  const failure = new Promise<never>((_resolve, reject) => {
    trip = reject;
  });
  // Whoever runs the hub watches it; until then it must not count as unhandled.
  failure.catch(() => undefined);
  return { failure, trip };
}
