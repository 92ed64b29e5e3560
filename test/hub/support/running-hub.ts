/** A whole hub for tests: the real log over a disk in memory, the real broker on a port of loopback. */

import { Hub } from "../../../hub/hub.ts";
import type { HubParts } from "../../../hub/hub.ts";
import { listenMqtt } from "../../../hub/broker/listener.ts";
import { HubLog } from "../../../hub/log.ts";
import type { MadeEntry } from "../../../hub/operator/commands.ts";
import { operatorCommands } from "../../../hub/operator/commands.ts";
import { MemoryEntryIndex } from "../../../hub/store/memory-entry-index.ts";
import { encodeHex } from "../../../ledger/bytes.ts";
import { Refusal } from "../../../ledger/errors.ts";
import { provePossession } from "../../../ledger/kinds/possession.ts";
import { nobleSigner } from "../../../ledger/signature.ts";
import { systemClock } from "../../../platform/clock.ts";
import type { Clock } from "../../../platform/clock.ts";
import { silentLogger } from "../../../platform/log.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import { fastestVerify } from "../../../platform/native-verify.ts";
import { seededRandom } from "../../../platform/random.ts";
import type { Scope } from "../../support/scope.ts";
import { ORIGIN } from "./devices.ts";
import type { TestDevice } from "./devices.ts";
import { TestChain } from "./log-maker.ts";

const FOLDER = "/data";
const signer = nobleSigner(new Uint8Array(32).fill(3));

/** What a test may want otherwise. */
export interface HubChanges extends Partial<HubParts> {
  readonly files?: MemoryFiles;
  readonly clock?: Clock;
}

/** A hub that runs, and what tests do with it. */
export class RunningHub {
  readonly hub: Hub;
  readonly files: MemoryFiles;
  readonly port: number;
  readonly #commands: ReturnType<typeof operatorCommands>;

  private constructor(hub: Hub, files: MemoryFiles, port: number, clock: Clock) {
    this.hub = hub;
    this.files = files;
    this.port = port;
    const { log, presence } = hub;
    const isOnline = (device: string): boolean | undefined => presence.isOnline(device);
    const status = (): Record<string, unknown> => ({ ...hub.status() });
    this.#commands = operatorCommands({ log, clock, random: seededRandom(5), isOnline, status });
  }

  /** Starts a hub on the disk, with a new log where there is none. Blocks are sealed by the test. */
  static async start(scope: Scope, changes: HubChanges = {}): Promise<RunningHub> {
    const { files = new MemoryFiles(), clock = systemClock, ...rest } = changes;
    const isNew = !(await files.exists(FOLDER));
    await files.makeFolder(FOLDER);
    const parts = {
      files,
      folder: FOLDER,
      signer,
      verify: fastestVerify,
      clock,
      logger: silentLogger,
      openIndex: async () => new MemoryEntryIndex(),
    };
    const log = isNew
      ? await HubLog.create({ ...parts, origin: ORIGIN, blockSeconds: 3600 })
      : await HubLog.open(parts);
    const hub = await Hub.open({ ...parts, log, ackIntervalMs: 0, ...rest });
    scope.defer(() => hub.close().catch(() => undefined));
    const options = { host: "127.0.0.1", port: 0, connectionsMax: 1000 };
    const listener = await listenMqtt(options, (socket) => hub.accept(socket));
    scope.defer(() => listener.close());
    return new RunningHub(hub, files, listener.port, clock);
  }

  /** Carries out an operator's command; throws what it refuses. */
  async command(name: string, request: Record<string, unknown> = {}): Promise<unknown> {
    const result = await this.#commands[name]!({ command: name, ...request });
    if (result instanceof Refusal) throw new Error(`${result.code}: ${result.text}`);
    return result;
  }

  /** Enrols a device; gives its chain. */
  async enrol(device: TestDevice, changes: Record<string, unknown> = {}): Promise<TestChain> {
    await this.command("enrol", { request: JSON.stringify(enrolmentRequest(device, changes)) });
    return this.chainOf(device);
  }

  /** A device's chain as the log has it. */
  chainOf(device: TestDevice): TestChain {
    const key = this.hub.log.state.registry.key(device.kid)!;
    const chain = new TestChain(device, key.lastHash);
    chain.seq = key.lastSeq + 1;
    return chain;
  }

  async revoke(device: TestDevice): Promise<MadeEntry> {
    return (await this.command("revoke", { name: device.name, reason: "stolen" })) as MadeEntry;
  }
}

/** What `kerbstone edge init` would print for the device. */
export function enrolmentRequest(
  device: TestDevice,
  changes: Record<string, unknown> = {},
): Record<string, unknown> {
  return {
    kerbstone: "enrolment/v1",
    origin: ORIGIN,
    name: device.name,
    role: "device",
    publicKey: encodeHex(device.signer.publicKey),
    pop: encodeHex(provePossession(ORIGIN, device.name, "device", device.signer)),
    streams: ["main"],
    visibility: "public",
    everySeconds: 60,
    lat: 51.59,
    lon: -2.99,
    ...changes,
  };
}
