/**
 * The hub's figures in Prometheus' text format: base units, totals as `_total`, moments as moments and not as ages.
 *
 * A figure that exists elsewhere is read when it is asked for; only what happens is counted here. Labels have few values:
 * codes, kinds, routes, never names of devices.
 */

import { readFile } from "node:fs/promises";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { REFUSAL_CODES } from "../ledger/errors.ts";
import type { Clock } from "../platform/clock.ts";
import type { AdmissionPipeline } from "./admission/pipeline.ts";
import type { Quarantine } from "./admission/quarantine.ts";
import type { Presence } from "./broker/presence.ts";
import type { Cosigning } from "./cosigning.ts";
import type { HubEvents } from "./events.ts";
import type { Decision, HubLog } from "./log.ts";
import { registerPreviews } from "./preview/preview-metrics.ts";
import type { Previews } from "./preview/previews.ts";
import type { Projections } from "./projections/projections.ts";

/** Where figures are read. */
export interface MetricsSources {
  readonly log: HubLog;
  readonly presence: Pick<Presence, "onlineCount">;
  readonly quarantine: Pick<Quarantine, "total">;
  readonly pipeline: Pick<AdmissionPipeline, "size">;
  readonly cosigning: Pick<Cosigning, "cosignedSize"> | undefined;
  readonly projections: Pick<Projections, "status" | "mirror" | "feed" | "entriesLost">;
  readonly events: HubEvents;
  readonly readers: { readonly readers: number; readonly dropped: number };
  readonly previews: Previews;
}

/** An answered request. */
export interface AnsweredRequest {
  readonly method: string;
  /** As it was registered, never as it was asked for. */
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
}

const PREFIX = "kerbstone_hub_";
const SYNC_BUCKETS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5];
const REQUEST_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];
const QUANTILES = [0.5, 0.99, 1];

/** The figures of one hub. */
export class HubMetrics {
  readonly #registry = new Registry();
  readonly #clock: Clock;
  readonly #delay = monitorEventLoopDelay({ resolution: 20 });
  readonly #refusals: Counter<"code">;
  readonly #repeats: Counter;
  readonly #equivocations: Counter;
  readonly #accepted: Counter<"kind">;
  readonly #acceptedAt: Gauge;
  readonly #syncs: Histogram;
  readonly #requests: Histogram<"method" | "route" | "status">;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#delay.enable();
    const own = { registers: [this.#registry] };
    this.#refusals = new Counter({
      ...own,
      name: `${PREFIX}refusals_total`,
      help: "Statements refused, by the code of docs/formats.md, section 11.",
      labelNames: ["code"],
    });
    for (const code of REFUSAL_CODES) this.#refusals.inc({ code }, 0);
    this.#repeats = new Counter({
      ...own,
      name: `${PREFIX}repeats_total`,
      help: "Statements that the log held already.",
    });
    this.#equivocations = new Counter({
      ...own,
      name: `${PREFIX}equivocations_total`,
      help: "Statements that contradict one of the same key and number.",
    });
    this.#accepted = new Counter({
      ...own,
      name: `${PREFIX}entries_accepted_total`,
      help: "Entries that became durable since the start, by kind.",
      labelNames: ["kind"],
    });
    this.#acceptedAt = new Gauge({
      ...own,
      name: `${PREFIX}last_accepted_timestamp_seconds`,
      help: "When an entry last became durable.",
    });
    this.#syncs = new Histogram({
      ...own,
      name: `${PREFIX}sync_seconds`,
      help: "Duration of syncs of journal and quarantine.",
      buckets: SYNC_BUCKETS,
    });
    this.#requests = new Histogram({
      ...own,
      name: `${PREFIX}http_request_seconds`,
      help: "Duration of answered HTTP requests, by route.",
      labelNames: ["method", "route", "status"],
      buckets: REQUEST_BUCKETS,
    });
  }

  /** Counts what became of a statement. */
  countDecision(decision: Decision): void {
    if (decision.kind === "repeat") this.#repeats.inc();
    else if (decision.kind === "equivocation") this.#equivocations.inc();
    if ("refusal" in decision) this.#refusals.inc({ code: decision.refusal.code });
  }

  /** Notes how long a sync took. */
  observeSync(seconds: number): void {
    this.#syncs.observe(seconds);
  }

  /** Notes an answered request. */
  observeRequest({ method, route, status, seconds }: AnsweredRequest): void {
    this.#requests.observe({ method, route, status: String(status) }, seconds);
  }

  /** Says where the other figures are read. Called once. */
  watch(sources: MetricsSources): void {
    sources.events.on((event) => {
      if (event.kind !== "entry") return;
      this.#accepted.inc({ kind: event.entry.statement.kind });
      this.#acceptedAt.set(this.#clock.nowMs() / 1000);
    });
    this.#watchLog(sources);
    this.#watchQueues(sources);
    this.#watchProjections(sources);
    registerPreviews(this.#registry, sources.previews);
    this.#watchProcess();
  }

  /** Writes all figures. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Measures no more. */
  close(): void {
    this.#delay.disable();
    this.#registry.clear();
  }

  #gauge(name: string, help: string, read: () => number): void {
    const gauge: Gauge = new Gauge({
      name: PREFIX + name,
      help,
      registers: [this.#registry],
      collect: () => gauge.set(read()),
    });
  }

  /** A total that is counted elsewhere. */
  #total(name: string, help: string, read: () => number): void {
    const counter: Counter = new Counter({
      name: `${PREFIX}${name}_total`,
      help,
      registers: [this.#registry],
      collect: () => {
        counter.reset();
        counter.inc(read());
      },
    });
  }

  #watchLog({ log, cosigning, projections, quarantine }: MetricsSources): void {
    const { state } = log;
    this.#gauge("log_entries", "Durable entries of the log.", () => projections.feed.size);
    this.#gauge("sealed_entries", "Size of the newest checkpoint.", () => log.sealedSize);
    this.#gauge("sealed_height", "Height of the newest block.", () => {
      return log.heightOf(log.sealedSize - 1) ?? 0;
    });
    this.#gauge("last_seal_timestamp_seconds", "Time of the newest seal.", () => {
      return (state.head?.timeMs ?? 0) / 1000;
    });
    this.#gauge("cosigned_entries", "Newest size that the quorum has cosigned.", () => {
      return cosigning?.cosignedSize() ?? 0;
    });
    this.#gauge("keys", "Keys ever enrolled.", () => state.registry.size);
    this.#gauge("evidence_files", "Proofs of misbehaviour that are kept.", () => {
      return log.evidence.list().length;
    });
    this.#gauge("quarantine_items", "Refused messages that are kept.", () => quarantine.total);
  }

  #watchQueues({ presence, pipeline, readers, log }: MetricsSources): void {
    this.#gauge("devices_connected", "Devices connected now.", () => presence.onlineCount);
    this.#gauge("admission_queue_messages", "Messages between arrival and decision.", () => {
      return pipeline.size;
    });
    this.#gauge("open_block_bytes", "Bytes of the open block.", () => log.openBytes);
    this.#gauge("event_readers", "Readers of the event stream.", () => readers.readers);
    this.#total("event_readers_dropped", "Readers disconnected for being too slow.", () => {
      return readers.dropped;
    });
  }

  #watchProjections({ projections }: MetricsSources): void {
    this.#total(
      "entries_lost",
      "Entries acknowledged before this start and lost from the disk.",
      () => {
        return projections.entriesLost;
      },
    );
    const registers = [this.#registry];
    const labelNames = ["projection"] as const;
    const next = new Gauge({
      name: `${PREFIX}projection_next_index`,
      help: "Index of the entry that a projection takes next.",
      labelNames,
      registers,
      collect: () => {
        for (const { name: projection, next: at } of projections.status()) {
          next.set({ projection }, at);
        }
      },
    });
    const lag = new Gauge({
      name: `${PREFIX}projection_lag_entries`,
      help: "Durable entries that a projection has not taken.",
      labelNames,
      registers,
      collect: () => {
        for (const { name: projection, lag: entries } of projections.status()) {
          lag.set({ projection }, entries);
        }
      },
    });
    const failures = new Counter({
      name: `${PREFIX}projection_failures_total`,
      help: "Failed steps of a projection; each is tried again.",
      labelNames,
      registers,
      collect: () => {
        failures.reset();
        for (const { name, failures: count } of projections.status()) {
          failures.inc({ projection: name }, count);
        }
      },
    });
    const { mirror } = projections;
    if (mirror === undefined) return;
    this.#total("mirror_points", "Points that InfluxDB has taken.", () => mirror.figures.taken);
    const refused = new Counter({
      name: `${PREFIX}mirror_points_refused_total`,
      help: "Points that InfluxDB does not take, by reason.",
      labelNames: ["reason"],
      registers,
      collect: () => {
        refused.reset();
        for (const [reason, count] of Object.entries(mirror.figures.refused)) {
          refused.inc({ reason }, count);
        }
      },
    });
  }

  #watchProcess(): void {
    const registers = [this.#registry];
    const delay = new Gauge({
      name: `${PREFIX}event_loop_delay_seconds`,
      help: "How late the event loop was since the figures were last read.",
      labelNames: ["quantile"],
      registers,
      collect: () => {
        for (const quantile of QUANTILES) {
          delay.set({ quantile }, this.#delay.percentile(quantile * 100) / 1e9);
        }
        this.#delay.reset();
      },
    });
    this.#total("cpu_seconds", "Processor time used.", () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    });
    this.#gauge("resident_memory_bytes", "Memory in use, mapped files included.", () => {
      return process.memoryUsage.rss();
    });
    const anonymous = new Gauge({
      name: `${PREFIX}anonymous_memory_bytes`,
      help: "Memory in use that no file stands behind; absent where the system does not say.",
      registers,
      collect: async () => {
        const bytes = await anonymousBytes();
        if (bytes !== undefined) anonymous.set(bytes);
      },
    });
  }
}

/** Asks Linux; mapped pages of the index would make the memory look larger than it is. */
async function anonymousBytes(): Promise<number | undefined> {
  const status = await readFile("/proc/self/status", "utf8").catch(() => "");
  const [, kilobytes] = /^RssAnon:\s*(\d+) kB$/m.exec(status) ?? [];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}
