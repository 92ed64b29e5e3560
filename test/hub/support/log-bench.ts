/** A hub's log on a disk of the test's choice, with devices that speak to it. */

import { encodeHex } from "../../../ledger/bytes.ts";
import { encodeEnrol } from "../../../ledger/kinds/enrol.ts";
import { provePossession } from "../../../ledger/kinds/possession.ts";
import { encodePreimage, encodePrivateProfile, hashPreimage } from "../../../ledger/preimage.ts";
import { encodePack } from "../../../ledger/senml.ts";
import type { Signer } from "../../../ledger/signature.ts";
import { nobleSigner } from "../../../ledger/signature.ts";
import { signStatement } from "../../../ledger/statement.ts";
import type { Statement } from "../../../ledger/statement.ts";
import { ManualClock } from "../../../platform/clock.ts";
import type { Files } from "../../../platform/files.ts";
import { silentLogger } from "../../../platform/log.ts";
import { opensslVerify } from "../../../platform/native-verify.ts";
import type { AcceptedEntry, Decision, HubLogParts } from "../../../hub/log.ts";
import { HubLog } from "../../../hub/log.ts";
import { MemoryEntryIndex } from "../../../hub/store/memory-entry-index.ts";
import { checkLog } from "../../support/check-log.ts";
import type { CheckedLog } from "../../support/check-log.ts";
import { ORIGIN, testDevice } from "./devices.ts";
import type { TestDevice } from "./devices.ts";
import { enrolment, TestChain } from "./log-maker.ts";
import { rememberingSigner, rememberingVerify } from "./remembered-signatures.ts";

export const FOLDER = "/data";
export const START_MS = 1_767_225_600_000;
export const HUB_SIGNER: Signer = rememberingSigner(nobleSigner(new Uint8Array(32).fill(9)));
const verify = rememberingVerify(opensslVerify);

/** Parts of a log whose index lives in memory and is lost with the process. */
export function logParts(files: Files, changes: Partial<HubLogParts> = {}): HubLogParts {
  return {
    files,
    folder: FOLDER,
    signer: HUB_SIGNER,
    verify,
    clock: new ManualClock(START_MS),
    logger: silentLogger,
    openIndex: () => Promise.resolve(new MemoryEntryIndex()),
    ...changes,
  };
}

/** Makes a log in which the hub itself enrols. */
export function createLog(parts: HubLogParts): Promise<HubLog> {
  return HubLog.create({ ...parts, origin: ORIGIN, blockSeconds: 300 });
}

/** What a test that expects to be accepted goes on with. */
export function accepted(decision: Decision): AcceptedEntry {
  if (decision.kind === "accepted") return decision.entry;
  const why = "refusal" in decision ? `${decision.refusal.code}: ${decision.refusal.text}` : "";
  throw new Error(`${decision.kind} ${why}`);
}

const devices = new Map<string, TestDevice>();

/** The same device each time, whose signatures are made once. */
function rememberedDevice(name: string): TestDevice {
  let device = devices.get(name);
  if (device === undefined) {
    const made = testDevice(name);
    device = { ...made, signer: rememberingSigner(made.signer) };
    devices.set(name, device);
  }
  return device;
}

/** Enrols a public device and gives its chain. */
export function enrolDevice(log: HubLog, name: string, nowMs: number = START_MS): TestChain {
  const device = rememberedDevice(name);
  const iat = Math.floor(nowMs / 1000);
  const draft = { kind: "enrol", stream: "registry", iat, payload: enrolment(device) } as const;
  return new TestChain(device, accepted(log.submit(draft)).statement.hash);
}

/** A restricted device: what it says goes into the log as a hash. */
export class RestrictedDevice {
  readonly device: TestDevice;
  readonly profile: Uint8Array;
  #last: Statement;
  #seq = 0;

  /** Enrols it, its position beside the enrolment. */
  constructor(log: HubLog, name: string) {
    this.device = rememberedDevice(name);
    const { signer } = this.device;
    this.profile = encodePreimage(saltOf(1), encodePrivateProfile({ lat: 51.5, lon: -3 }));
    const payload = encodeEnrol({
      name,
      role: "device",
      key: signer.publicKey,
      pop: provePossession(ORIGIN, name, "device", signer),
      streams: ["main"],
      everySeconds: 60,
      owner: "tenant",
      visibility: "restricted",
      private: hashPreimage(this.profile),
    });
    const draft = { kind: "enrol", stream: "registry", iat: START_MS / 1000, payload } as const;
    this.#last = accepted(log.submit(draft, { preimage: this.profile })).statement;
  }

  /** Signs a pack with one value, hidden behind its hash. */
  pack(value: number): { statement: Statement; preimage: Uint8Array } {
    const iat = START_MS / 1000;
    const { name, signer } = this.device;
    const reading = { quantity: "temp", unit: "Cel", value, time: iat };
    const pack = encodePack(name, { lat: 51.5, lon: -3 }, [reading], iat);
    const preimage = encodePreimage(saltOf(value), pack);
    const chain = { issuer: name, seq: this.#seq++, prev: this.#last.hash };
    const payload = hashPreimage(preimage);
    const statement = signStatement(
      chain,
      { kind: "salted", stream: "main", iat, payload },
      signer,
    );
    this.#last = statement;
    return { statement, preimage };
  }
}

function saltOf(value: number): Uint8Array {
  return new Uint8Array(16).fill(value);
}

/** Checks the published log of a hub's folder. */
export function checkFolder(files: Files, folder: string = FOLDER): Promise<CheckedLog> {
  return checkLog((path) => files.read(`${folder}/log/${path}`), verify);
}

/** Whether any file of the disk holds the bytes. */
export async function diskHolds(
  files: Files,
  bytes: Uint8Array,
  folder: string = FOLDER,
): Promise<boolean> {
  for (const name of await files.list(folder)) {
    const path = `${folder}/${name}`;
    if ((await files.facts(path))?.isFolder) {
      if (await diskHolds(files, bytes, path)) return true;
      continue;
    }
    if (encodeHex((await files.read(path))!).includes(encodeHex(bytes))) return true;
  }
  return false;
}
