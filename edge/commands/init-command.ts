/**
 * `kerbstone edge init`: a new device: its key, its settings with the hub's key pinned, and the line for the operator.
 */

import { resolve } from "node:path";
import { decodeUtf8 } from "../../ledger/bytes.ts";
import { isName } from "../../ledger/name.ts";
import { NO_QUORUM } from "../../ledger/policy.ts";
import type { Policy } from "../../ledger/policy.ts";
import { formatHelp, numberFlag, parseFlags } from "../../platform/command-line.ts";
import type { CommandSpec, FlagValues } from "../../platform/command-line.ts";
import { lockFolder } from "../../platform/folder-lock.ts";
import type { FolderLock } from "../../platform/folder-lock.ts";
import { readGivenFile } from "../../platform/given-file.ts";
import type { ProgramIo } from "../../platform/lifecycle.ts";
import { UserError } from "../../platform/user-error.ts";
import { discoverSensors } from "../finding/discovery.ts";
import type { Discovery, DiscoveryPorts } from "../finding/discovery.ts";
import type { DeviceProfile } from "../../platform/enrolment-request.ts";
import { connectTo } from "../sensors/lines/connect.ts";
import { systemDeviceNames } from "../sensors/lines/device-names.ts";
import { hubFacts } from "./hub-introduction.ts";
import { checkLanFlags, LAN_FLAGS, lanOfFlags } from "./lan-flags.ts";
import { askPlace } from "./place-question.ts";
import type { Place } from "../place/place.ts";
import { Questions } from "./questions.ts";
import {
  formatSensor,
  formatSettings,
  parseCamera,
  parseSensor,
} from "../settings/settings-file.ts";
import { needNewFolder, settingsOf, writeDevice } from "./device-folder.ts";
import { claimAsQr } from "./terminal-qr.ts";
import { trustOf } from "../settings/trust.ts";
import { readPolicyText } from "../../platform/policy-file.ts";

const spec = {
  usage:
    "kerbstone edge init --name NAME --hub URL [--sensor [STREAM:]DRIVER=ADDRESS …] [--camera NAME=URL …] [options]",
  about:
    "Makes a device: its private key, its settings with the hub's key pinned, and the line with which the operator enrols it. Without --sensor and --camera it listens at all serial ports, and proposes what it recognises.",
  flags: {
    name: {
      heading: "The device",
      type: "text",
      value: "NAME",
      about: "the device's name, such as air-1",
    },
    lat: { type: "text", value: "DEGREES", about: "where the device stands, WGS 84" },
    lon: { type: "text", value: "DEGREES", about: "where the device stands, WGS 84" },
    moves: {
      type: "switch",
      about: "takes the position from a receiver; lat and lon then only go into the enrolment",
    },
    visibility: {
      type: "text",
      value: "public|restricted",
      about: "who may see the readings (public)",
    },
    owner: { type: "text", value: "NAME", about: "who owns the data" },
    model: { type: "text", value: "TEXT", about: "what it is" },
    "every-seconds": {
      type: "text",
      value: "N",
      about: "how often at least it means to speak (60)",
    },
    folder: { type: "text", value: "DIR", about: "where key and settings go (the device's name)" },
    hub: { heading: "Its hub", type: "text", value: "URL", about: "the hub's HTTP address" },
    vkey: {
      type: "text",
      value: "VKEY",
      about: "the hub's key, from the operator; else shown and asked about",
    },
    policy: {
      type: "text",
      value: "FILE",
      about: "the log's quorum policy, from the operator; pinned",
    },
    "hub-ca": {
      type: "text",
      value: "FILE",
      about: "PEM of the authority behind the hub's certificate; the system's, unless given",
    },
    origin: {
      type: "text",
      value: "NAME",
      about: "the log's name; what the hub says, unless given",
    },
    mqtt: {
      type: "text",
      value: "URL",
      about: "the hub's MQTT address; what the hub says, unless given",
    },
    sensor: {
      heading: "Its sensors and cameras",
      type: "list",
      value: "[STREAM:]DRIVER=ADDRESS",
      about: "a sensor; its stream is the first one, unless given; without any they are looked for",
    },
    camera: {
      type: "list",
      value: "[STREAM:]NAME=URL",
      about: "a camera, rtsp://host/path without a password; its stream is camera, unless given",
    },
    stream: {
      type: "list",
      value: "NAME",
      about: "a stream that the device is to be enrolled for",
    },
    ...LAN_FLAGS,
    yes: {
      heading: "Output and questions",
      type: "switch",
      about: "takes the hub's key and the sensors found as they are shown, without asking",
    },
    qr: { type: "switch", about: "prints the QR code in any case, however wide" },
  },
} as const satisfies CommandSpec;

/** What making a device needs of the machine. */
export interface InitPorts extends DiscoveryPorts {
  /** Keeps other programs out of a folder that is there. */
  readonly lock: (folder: string) => Promise<FolderLock>;
}

const systemPorts: InitPorts = {
  lock: lockFolder,
  names: systemDeviceNames,
  connectLine: (address, { clock }) => connectTo(address, clock),
};

type Flags = FlagValues<typeof spec>;

/** Runs the command. A key that an earlier attempt has made is used; settings are never overwritten. */
export async function initEdge(
  io: ProgramIo,
  argv: readonly string[],
  ports: InitPorts = systemPorts,
): Promise<number> {
  const { flags, help } = parseFlags(argv, spec);
  if (help) {
    io.stdout.write(formatHelp(spec));
    return 0;
  }
  if (!isName(flags.name)) throw new UserError("--name needs 1 to 63 of a-z, 0-9 and -.");
  const folder = resolve(io.cwd, flags.folder ?? flags.name);
  await needNewFolder(io.files, folder);
  const questions = new Questions(io);
  try {
    return await makeDevice(io, flags, { name: flags.name, folder }, questions, ports);
  } finally {
    await questions.close();
  }
}

async function makeDevice(
  io: ProgramIo,
  flags: Flags,
  { name, folder }: { name: string; folder: string },
  questions: Questions,
  ports: InitPorts,
): Promise<number> {
  const given = flags.sensor.map((text) => parseSensor(text, flags.stream[0]));
  const lan = lanOfFlags(flags, io.cwd);
  for (const { address } of given) checkLanFlags(address, lan);
  const policyText =
    flags.policy === undefined
      ? undefined
      : await readPolicyText(io.files, resolve(io.cwd, flags.policy));
  const cameras = flags.camera.map(parseCamera);
  const mayFind = given.length === 0 && flags.stream.length === 0 && cameras.length === 0;
  const isPlaced = flags.lat !== undefined || flags.lon !== undefined;
  if (isPlaced || (!mayFind && !questions.canAsk)) placeOf(flags, undefined);
  const authority = flags["hub-ca"] === undefined ? undefined : await readPem(io, flags["hub-ca"]);
  const hub = await hubFacts(io, flags, questions, authority);
  const policy = trustOf({ origin: hub.origin, vkey: hub.vkey, policy: policyText });
  const found = mayFind ? await findSensors(io, flags, questions, ports) : undefined;
  const sensors = found?.sensors ?? given;
  const speakers = [...sensors, ...cameras].map(({ stream }) => stream);
  const streams = [...new Set([...flags.stream, ...speakers])];
  const place = isPlaced
    ? undefined
    : (found?.position ?? (await askPlace(questions, (text) => io.stdout.write(text))));
  const profile = profileOf(flags, name, hub.origin, streams, place);

  const settings = formatSettings({
    ...profile,
    isMoving: flags.moves,
    hub: {
      ...hub,
      url: flags.hub,
      hasPolicy: policyText !== undefined,
      hasAuthority: authority !== undefined,
    },
    lan,
    sensors,
    cameras,
  });
  io.signal.throwIfAborted();
  // Whoever may write in it may put another key there, whatever the umask says.
  await io.files.makeFolder(folder, { mode: 0o755 });
  const lock = await ports.lock(folder);
  let claim: string;
  try {
    claim = await writeDevice(io, folder, profile, { settings, policyText, authority });
  } finally {
    await lock.release();
  }
  io.stdout.write(
    `Made ${settingsOf(folder)}.\nHave the operator run, on the hub:\n\n` +
      `kerbstone hub enrol ${claim}\n\n` +
      claimAsQr(io.stdout, claim, flags.qr) +
      `Then start the device: kerbstone edge run ${settingsOf(folder)}\n` +
      keepingOf(policy),
  );
  return 0;
}

/** Says until when the device keeps what it has signed, and how it would wait for peers, too. */
function keepingOf(policy: Policy): string {
  return policy.quorum === NO_QUORUM
    ? 'It keeps what it has signed until the hub has sealed it. Where the log has peers, it can wait for their cosignatures: ask the operator for the policy, put it beside edge.toml, and set policy = "policy.txt" under [hub].\n'
    : "It keeps what it has signed until the quorum of policy.txt has cosigned it.\n";
}

/** Looks for sensors, proposes what it found, and waits for a yes. */
async function findSensors(
  io: ProgramIo,
  flags: Flags,
  questions: Questions,
  ports: DiscoveryPorts,
): Promise<Discovery> {
  const found = await discoverSensors(io, ports);
  if (found.sensors.length === 0) {
    throw new UserError("No sensor was recognised: a device has at least one --sensor.", {
      hint: "kerbstone edge test-sensor PORT says what is heard at a port.",
    });
  }
  io.stdout.write(`\nProposed:\n\n${found.sensors.map(formatSensor).join("\n")}\n`);
  if (flags.yes) return found;
  if (!questions.canAsk)
    throw new UserError("The sensors have to be confirmed: give --sensor or --yes.");
  if (await questions.agree("Are these the sensors?")) return found;
  throw new UserError("The sensors were not confirmed; nothing was made.", {
    hint: "Name them with --sensor STREAM:DRIVER=ADDRESS.",
  });
}

async function readPem(io: ProgramIo, file: string): Promise<Uint8Array> {
  const path = resolve(io.cwd, file);
  const bytes = await readGivenFile(io.files, path);
  if (decodeUtf8(bytes)?.includes("-----BEGIN CERTIFICATE-----") !== true)
    throw new UserError(`${path} holds no certificate in PEM.`, {
      hint: "It begins with -----BEGIN CERTIFICATE-----; ask the operator for the authority's.",
    });
  return bytes;
}

function profileOf(
  flags: Flags,
  name: string,
  origin: string,
  streams: readonly string[],
  place: Place | undefined,
): DeviceProfile {
  const visibility = flags.visibility ?? "public";
  if (visibility !== "public" && visibility !== "restricted") {
    throw new UserError(`--visibility is public or restricted, not ${visibility}.`);
  }
  if (streams.length === 0) throw new UserError("A device has at least one --sensor or --camera.");
  return {
    origin,
    name,
    streams,
    visibility,
    everySeconds: numberFlag("every-seconds", flags["every-seconds"], {
      min: 1,
      max: 31_536_000,
      preset: 60,
    }),
    owner: flags.owner,
    ...placeOf(flags, place),
    model: flags.model,
  };
}

/** The place by the flags, or else the one that was found or asked for. */
function placeOf(flags: Flags, found: Place | undefined): Place {
  if (found === undefined && (flags.lat === undefined || flags.lon === undefined))
    throw new UserError("Where does the device stand? That is missing: give --lat and --lon.", {
      hint: "In degrees (WGS 84), south and west negative, such as --lat 51.5877 --lon -2.9935",
    });
  return {
    lat: numberFlag("lat", flags.lat ?? found?.lat.toFixed(6), { min: -90, max: 90 }),
    lon: numberFlag("lon", flags.lon ?? found?.lon.toFixed(6), { min: -180, max: 180 }),
  };
}
