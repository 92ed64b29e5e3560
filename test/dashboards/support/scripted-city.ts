/**
 * A small city whose log is real: signed by its devices, sealed, checkpointed and cosigned, all in memory.
 *
 * Times go on by the log's own clock; tests say what happens.
 */
import { encodeHex } from "../../../ledger/bytes.ts";
import { cosign } from "../../../ledger/cosignature.ts";
import { parseCheckpoint } from "../../../ledger/checkpoint.ts";
import { Fault } from "../../../ledger/fault.ts";
import { formatEvidence } from "../../../ledger/evidence-file.ts";
import { buildEvidence } from "../../../ledger/evidence.ts";
import { kidHex } from "../../../ledger/key.ts";
import { inclusionPath } from "../../../ledger/merkle.ts";
import { formatVkey, TYPE_COSIGNATURE, TYPE_ED25519, vkeyOf } from "../../../ledger/note.ts";
import { formatProof } from "../../../ledger/proof.ts";
import { faultName } from "../../../ledger/quantity.ts";
import { decodePack, encodePack } from "../../../ledger/senml.ts";
import type { Reading } from "../../../ledger/senml.ts";
import { sha256 } from "../../../ledger/sha256.ts";
import { decodeStatement } from "../../../ledger/statement.ts";
import { Refusal } from "../../../ledger/errors.ts";
import type {
  Block,
  Device,
  Latest,
  Level,
  LogAnswer,
  PeersAnswer,
} from "../../../dashboards/web/api/answer.ts";
import { DEVICE, ScriptedLog, voice } from "../../support/scripted-log.ts";
import type { Voice } from "../../support/scripted-log.ts";

/** A value as a test writes it; `fault` adds the record that flags it. */
export interface Measured {
  readonly quantity: string;
  readonly unit?: string;
  readonly value: number | string | boolean;
  readonly fault?: boolean;
}

/** A device that a test may change. */
interface Sensor {
  readonly voice: Voice;
  readonly stream: string;
  readonly lat: number;
  readonly lon: number;
  readonly everySeconds: number;
  readonly owner: string | undefined;
  online: boolean;
  latest: Omit<Latest, "level">[];
  lastIat: number | null;
}

/** A sealed block with the checkpoint that was published for it. */
interface Sealed {
  readonly block: Block;
  note: string;
}

export const PEERS = ["peer.example/north", "peer.example/south"] as const;

/** The city. Its hub's key follows from the log alone, so two cities with one origin have one vkey. */
export class ScriptedCity {
  readonly log: ScriptedLog;
  readonly sensors: Map<string, Sensor> = new Map<string, Sensor>();
  readonly sealed: Sealed[] = [];
  readonly #registrar = voice("registrar");
  readonly #peerSizes = new Map<string, { size: number; height: number; timeSeconds: number }>();

  constructor(origin: string, startSeconds: number) {
    this.log = new ScriptedLog([this.#registrar], origin);
    // Genesis is dated by the scripted log; what follows is dated by the test.
    this.seal();
    this.log.iat = startSeconds;
  }

  get vkey(): string {
    return formatVkey(vkeyOf(this.log.state.origin, TYPE_ED25519, this.log.hub.signer.publicKey));
  }

  /** Enrols a device for one stream. */
  enrol(
    name: string,
    stream: string,
    rest: { lat?: number; lon?: number; everySeconds?: number; owner?: string } = {},
  ): void {
    const { lat = DEVICE.lat, lon = DEVICE.lon, everySeconds = 60, owner } = rest;
    const speaker = voice(name);
    this.log.enrol(this.#registrar, speaker, {
      ...DEVICE,
      streams: [stream],
      lat,
      lon,
      everySeconds,
      ...(owner !== undefined && { owner }),
    });
    this.sensors.set(name, {
      voice: speaker,
      stream,
      lat,
      lon,
      everySeconds,
      owner,
      online: true,
      latest: [],
      lastIat: null,
    });
  }

  /** A device signs values of this instant; gives the entry's index. */
  measure(name: string, values: readonly Measured[]): number {
    const sensor = this.sensors.get(name)!;
    const time = this.log.iat;
    const readings = values.flatMap(({ quantity, unit, value, fault }): Reading[] => [
      { quantity, ...(unit !== undefined && { unit }), value, time },
      ...(fault === true ? [{ quantity: faultName(quantity), value: true, time }] : []),
    ]);
    const entry = this.log.say(
      sensor.voice,
      "readings",
      sensor.stream,
      encodePack(name, sensor, readings),
    );
    for (const { quantity, unit, value, fault } of values) {
      sensor.latest = [
        ...sensor.latest.filter((known) => known.quantity !== quantity),
        {
          stream: sensor.stream,
          quantity,
          unit: unit ?? null,
          value,
          timeMs: time * 1000,
          fault: fault === true,
          entry,
        },
      ];
    }
    sensor.lastIat = this.log.iat;
    return entry;
  }

  /** Seals the open block and publishes its checkpoint. */
  seal(): Block {
    const before = this.sealed.at(-1)?.block;
    const index = this.log.seal();
    const first = before === undefined ? 0 : before.index + 1;
    const block: Block = {
      height: this.sealed.length,
      index,
      first,
      count: index - first,
      timeMs: this.log.iat * 1000 - 1000,
      hash: encodeHex(sha256(this.log.entries[index]!)),
      cosignedBy: [],
    };
    this.sealed.push({ block, note: this.log.checkpoint() });
    return block;
  }

  /** A peer cosigns the newest checkpoint. */
  cosign(peer: string): void {
    const newest = this.sealed.at(-1)!;
    const checkpoint = parseCheckpoint(newest.note);
    if (checkpoint instanceof Fault) throw new Error(checkpoint.text);
    const { signer } = voice(peer);
    newest.note += cosign(checkpoint.text, peer, signer, this.log.iat);
    this.#peerSizes.set(peer, {
      size: checkpoint.size,
      height: newest.block.height,
      timeSeconds: this.log.iat,
    });
  }

  /** The size that both peers have cosigned. */
  get cosignedSize(): number | null {
    const sizes = PEERS.map((peer) => this.#peerSizes.get(peer)?.size);
    return sizes.some((size) => size === undefined) ? null : Math.min(...(sizes as number[]));
  }

  get sealedSize(): number {
    return this.sealed.at(-1)!.block.index + 1;
  }

  get checkpoint(): string {
    return this.sealed.at(-1)!.note;
  }

  /** The newest checkpoint that both peers cosigned, where it holds the entry's block; else the newest. */
  checkpointFor(entry: number): string {
    const cosigned = this.sealed.findLast(
      ({ block }) =>
        block.index < (this.cosignedSize ?? 0) && this.sealIndexOf(entry) <= block.index,
    );
    return cosigned?.note ?? this.checkpoint;
  }

  private sealIndexOf(entry: number): number {
    return this.sealed.find(({ block }) => block.index >= entry)!.block.index;
  }

  async evidence(entry: number): Promise<string> {
    return formatEvidence(await buildEvidence(entry, this.log.source(this.checkpointFor(entry))));
  }

  async proof(entry: number): Promise<string> {
    const note = this.checkpointFor(entry);
    const checkpoint = parseCheckpoint(note);
    if (checkpoint instanceof Fault) throw new Error(checkpoint.text);
    const path = await inclusionPath(entry, checkpoint.size, this.log.source().nodes);
    return formatProof({ index: entry, path, checkpoint: note });
  }

  logAnswer(): LogAnswer & Record<string, unknown> {
    const { origin } = this.log.state;
    const { block } = this.sealed.at(-1)!;
    return {
      origin,
      vkey: this.vkey,
      hubKid: kidHex(this.log.hub.signer.publicKey),
      blockSeconds: 10,
      size: this.log.entries.length,
      height: block.height,
      root: encodeHex(this.log.frontier().root()),
      open: this.log.entries.length - this.sealedSize,
      sealedSize: this.sealedSize,
      cosignedSize: this.cosignedSize,
      nowMs: this.log.iat * 1000,
      devices: this.sensors.size,
      mqttPort: 1883,
      cameras: false,
    };
  }

  levelOf(entry: number): Level {
    if (entry < (this.cosignedSize ?? 0)) return "cosigned";
    return entry < this.sealedSize ? "sealed" : "stored";
  }

  devices(): Device[] {
    return [...this.sensors].map(([name, sensor], i) => ({
      name,
      kid: kidHex(sensor.voice.signer.publicKey),
      streams: [sensor.stream],
      visibility: "public",
      lat: sensor.lat,
      lon: sensor.lon,
      model: null,
      everySeconds: sensor.everySeconds,
      owner: sensor.owner ?? null,
      revoked: false,
      enrolledAt: i,
      online: sensor.online,
      lastSeq: 0,
      lastIat: sensor.lastIat,
      latest: sensor.latest.map((value) => ({ ...value, level: this.levelOf(value.entry) })),
    }));
  }

  blocks(): Block[] {
    return this.sealed
      .map(({ block }) => ({
        ...block,
        cosignedBy: PEERS.filter((peer) => (this.#peerSizes.get(peer)?.size ?? 0) > block.index),
      }))
      .reverse();
  }

  peers(): PeersAnswer {
    return {
      quorum: { needed: 2, rule: "both peers" },
      peers: PEERS.map((name) => ({
        name,
        vkey: formatVkey(vkeyOf(name, TYPE_COSIGNATURE, voice(name).signer.publicKey)),
        url: null,
        size: null,
        height: null,
        timeSeconds: null,
        ...this.#peerSizes.get(name),
      })),
      forks: [],
    };
  }

  /** The values of an entry as the hub tells them by an event. */
  readingEvent(name: string, entry: number): object {
    const statement = decodeStatement(this.log.entries[entry]!);
    if (statement instanceof Refusal) throw new Error(statement.text);
    const pack = decodePack(statement.payload, statement.issuer, statement.iat);
    if (pack instanceof Refusal) throw new Error(pack.text);
    const { latest, stream } = this.sensors.get(name)!;
    const values = latest.filter((value) => value.entry === entry);
    return { device: name, stream, entry, level: this.levelOf(entry), values };
  }
}

/** A city with a device of every theme, two blocks, and one device in each sort of trouble. */
export function exampleCity(origin: string, nowSeconds: number): ScriptedCity {
  const city = new ScriptedCity(origin, nowSeconds - 400);
  city.enrol("bridge-air", "air", { lat: 51.58402, lon: -2.98711, owner: "newport-council" });
  city.enrol("school-air", "air", { lat: 51.58911, lon: -2.99534 });
  city.enrol("market-noise", "noise", { lat: 51.58766, lon: -2.99812 });
  city.enrol("station-noise", "noise", { lat: 51.58847, lon: -3.00021, everySeconds: 30 });
  city.enrol("ring-traffic", "traffic", { lat: 51.57912, lon: -2.97004 });
  city.enrol("quay-water", "water", { lat: 51.58233, lon: -2.98456, everySeconds: 120 });
  city.enrol("mill-water", "water", { lat: 51.6012, lon: -2.97744 });
  city.enrol("kingsway-parking", "parking", { lat: 51.58655, lon: -2.99123 });
  city.enrol("bus-7-gps", "gps", { lat: 51.58111, lon: -2.97999, everySeconds: 10 });
  city.measure("station-noise", [{ quantity: "laeq", unit: "dB", value: 58.2 }]);
  city.measure("mill-water", [{ quantity: "level", unit: "m", value: 1.284 }]);
  city.seal();
  city.log.iat = nowSeconds - 60;
  city.measure("bridge-air", [
    { quantity: "pm25", unit: "ug/m3", value: 11.4 },
    { quantity: "pm10", unit: "ug/m3", value: 19.8 },
    { quantity: "temp", unit: "Cel", value: 17.5 },
    { quantity: "rh", unit: "%RH", value: 61.2 },
  ]);
  city.measure("school-air", [{ quantity: "no2", unit: "ug/m3", value: 2000.5, fault: true }]);
  city.measure("market-noise", [
    { quantity: "laeq", unit: "dB", value: 63.42 },
    { quantity: "lamax", unit: "dB", value: 78.9 },
  ]);
  city.measure("ring-traffic", [
    { quantity: "vehicles", unit: "count", value: 1284 },
    { quantity: "speed", unit: "m/s", value: 11.2 },
  ]);
  city.seal();
  for (const peer of PEERS) city.cosign(peer);
  city.log.iat = nowSeconds - 20;
  city.measure("quay-water", [{ quantity: "level", unit: "m", value: 2.113 }]);
  city.measure("kingsway-parking", [{ quantity: "spaces", unit: "count", value: 47 }]);
  city.seal();
  city.cosign(PEERS[0]);
  city.log.iat = nowSeconds - 2;
  city.measure("bus-7-gps", [{ quantity: "satellites", unit: "count", value: 9 }]);
  city.sensors.get("mill-water")!.online = false;
  return city;
}
