/**
 * What a page knows of the city: the hub's last answers, kept up to date by its events.
 *
 * Pure folds: a city and what the hub said in, the next city out. Answers and events may overtake each other, so both
 * are merged by the time of the value and by levels that never fall.
 */

import type {
  Block,
  Device,
  Fork,
  Latest,
  LogAnswer,
  PeersAnswer,
  QuarantineAnswer,
  Refused,
} from "../api/answer.ts";
import type { HubEvent } from "../api/event.ts";
import type { Snapshot } from "../api/hub-client.ts";
import { greaterLevel } from "./level.ts";

/** Blocks and refusals kept; the oldest are let go. */
export const BLOCKS_MAX = 40;
const REFUSALS_MAX = 20;

/** What a page knows of the city. */
export interface City {
  readonly log: LogAnswer;
  readonly devices: ReadonlyMap<string, Device>;
  /** Newest first. */
  readonly blocks: readonly Block[];
  readonly peers: PeersAnswer;
  readonly quarantine: QuarantineAnswer;
  /** The hub's clock less this machine's. */
  readonly clockOffsetMs: number;
  /** Size of the log by the hub's last answer; events may be ahead of it. */
  readonly answeredSize: number;
  /** The hub's log has become shorter since this page was opened: from `from` entries to `to`. */
  readonly rewound: { readonly from: number; readonly to: number } | undefined;
  /** A device spoke that is not among `devices`: the hub should be asked again. */
  readonly hasStrangers: boolean;
}

/** Takes a snapshot in; `atMs` is this machine's time. */
export function withSnapshot(city: City | undefined, snapshot: Snapshot, atMs: number): City {
  const { log, devices, blocks, peers, quarantine } = snapshot;
  // A hub with a shorter log is not asked to agree with what it said before.
  const known = city !== undefined && log.size >= city.answeredSize ? city : undefined;
  return {
    ...logOf(city, log, atMs),
    devices: new Map(devices.map((device) => [device.name, merge(known?.devices, device)])),
    blocks: mergeBlocks(blocks, known?.blocks ?? []),
    peers: mergeForks(peers, city?.peers.forks ?? []),
    quarantine,
    hasStrangers: false,
  };
}

/** Takes the newest answer about the peers in. */
export function withPeers(city: City, peers: PeersAnswer): City {
  return { ...city, peers: mergeForks(peers, city.peers.forks) };
}

/** A fork that was told once is not taken back by a hub that is silent of it later. */
function mergeForks(peers: PeersAnswer, known: readonly Fork[]): PeersAnswer {
  const ids = new Set(peers.forks.map(({ id }) => id));
  return { ...peers, forks: [...peers.forks, ...known.filter(({ id }) => !ids.has(id))] };
}

/** Takes the newest answer about the log in. */
export function withLog(city: City, log: LogAnswer, atMs: number): City {
  return { ...city, ...logOf(city, log, atMs) };
}

/** An answer may have been under way while events came that are newer; only answers are compared with answers. */
function logOf(
  city: City | undefined,
  log: LogAnswer,
  atMs: number,
): Pick<City, "log" | "answeredSize" | "clockOffsetMs" | "rewound"> {
  const base = { answeredSize: log.size, clockOffsetMs: log.nowMs - atMs };
  if (city === undefined) return { ...base, log, rewound: undefined };
  // A hub that was started anew has to hear of its cameras first; whoever looks at one must not be put out for that.
  const said = { ...log, cameras: log.cameras === true || city.log.cameras };
  if (log.size < city.answeredSize) {
    return { ...base, log: said, rewound: { from: city.answeredSize, to: log.size } };
  }
  const merged = {
    ...said,
    size: Math.max(log.size, city.log.size),
    height: Math.max(log.height, city.log.height),
    sealedSize: Math.max(log.sealedSize, city.log.sealedSize),
  };
  return { ...base, log: merged, rewound: city.rewound };
}

/** Blocks newest first, each once, with the first list's word about it. */
function mergeBlocks(first: readonly Block[], second: readonly Block[]): readonly Block[] {
  const heights = new Set(first.map(({ height }) => height));
  const others = second.filter(({ height }) => !heights.has(height));
  return [...first, ...others].sort((a, b) => b.height - a.height).slice(0, BLOCKS_MAX);
}

/** Takes events in, in the order in which they came. */
export function withEvents(city: City, events: readonly HubEvent[]): City {
  return events.reduce(withEvent, city);
}

function withEvent(city: City, event: HubEvent): City {
  switch (event.kind) {
    case "reading":
      return withReading(city, event.device, event.values);
    case "block":
      return withBlock(city, event.block);
    case "cosigned":
      return withCosigned(city, event.size, event.by);
    case "presence":
      return changeDevice(city, event.device, (device) => ({ ...device, online: event.online }));
    case "refused":
      return { ...city, quarantine: withRefused(city.quarantine, event.refused) };
    case "fork":
      return withPeers(city, { ...city.peers, forks: [event.fork] });
  }
}

function changeDevice(city: City, name: string, change: (device: Device) => Device): City {
  const device = city.devices.get(name);
  if (device === undefined) return { ...city, hasStrangers: true };
  return { ...city, devices: new Map(city.devices).set(name, change(device)) };
}

function withReading(city: City, name: string, values: readonly Latest[]): City {
  const grown = Math.max(city.log.size, ...values.map(({ entry }) => entry + 1));
  return changeDevice({ ...city, log: { ...city.log, size: grown } }, name, (device) => ({
    ...device,
    latest: mergeLatest(device.latest, values),
  }));
}

function withBlock(city: City, block: Block): City {
  const { log } = city;
  const isNewest = block.height > log.height;
  return {
    ...city,
    blocks: mergeBlocks([block], city.blocks),
    devices: raiseLevels(city.devices, block.index + 1, "sealed"),
    log: {
      ...log,
      height: Math.max(log.height, block.height),
      size: Math.max(log.size, block.index + 1),
      sealedSize: isNewest ? block.index + 1 : log.sealedSize,
    },
  };
}

function withCosigned(city: City, size: number, by: readonly string[]): City {
  const { log, blocks } = city;
  return {
    ...city,
    log: { ...log, cosignedSize: Math.max(log.cosignedSize ?? 0, size) },
    // Who cosigns a size has cosigned every block below it.
    blocks: blocks.map((block) =>
      block.index < size
        ? { ...block, cosignedBy: [...new Set([...block.cosignedBy, ...by])] }
        : block,
    ),
    devices: raiseLevels(city.devices, size, "cosigned"),
  };
}

/** Raises the level of all values in entries below `size`. */
function raiseLevels(
  devices: City["devices"],
  size: number,
  level: "sealed" | "cosigned",
): City["devices"] {
  const raised = new Map<string, Device>();
  for (const [name, device] of devices) {
    const isBehind = device.latest.some(
      (value) => value.entry < size && greaterLevel(value.level, level) !== value.level,
    );
    const latest = isBehind
      ? device.latest.map((value) =>
          value.entry < size ? { ...value, level: greaterLevel(value.level, level) } : value,
        )
      : device.latest;
    raised.set(name, isBehind ? { ...device, latest } : device);
  }
  return raised;
}

function withRefused(quarantine: QuarantineAnswer, refused: Refused): QuarantineAnswer {
  if (quarantine.items.some(({ id }) => id === refused.id)) return quarantine;
  return {
    items: [refused, ...quarantine.items].slice(0, REFUSALS_MAX),
    total: quarantine.total + 1,
  };
}

function merge(known: City["devices"] | undefined, device: Device): Device {
  const before = known?.get(device.name);
  // Another key under the same name is another device.
  if (before === undefined || before.kid !== device.kid) return device;
  return { ...device, latest: mergeLatest(device.latest, before.latest) };
}

/** Keeps of each quantity the newest value, and of each value the greatest level. */
function mergeLatest(first: readonly Latest[], second: readonly Latest[]): readonly Latest[] {
  const merged = new Map(first.map((value) => [keyOf(value), value]));
  for (const value of second) {
    const other = merged.get(keyOf(value));
    if (other === undefined || isNewer(value, other)) merged.set(keyOf(value), value);
    else if (value.entry === other.entry && value.timeMs === other.timeMs) {
      merged.set(keyOf(value), { ...other, level: greaterLevel(value.level, other.level) });
    }
  }
  return [...merged.values()];
}

function keyOf({ stream, quantity }: Latest): string {
  return `${stream}/${quantity}`;
}

function isNewer(a: Latest, b: Latest): boolean {
  return a.timeMs > b.timeMs || (a.timeMs === b.timeMs && a.entry > b.entry);
}
