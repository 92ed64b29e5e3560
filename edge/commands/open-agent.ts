/** From a settings file to an agent: every part of it that is chosen by the settings. */

import { Buffer } from "node:buffer";
import { uptime } from "node:os";
import { resolve } from "node:path";
import { kidHex } from "../../ledger/key.ts";
import type { Clock } from "../../platform/clock.ts";
import { freeBytes } from "../../platform/free-space.ts";
import { loadKey } from "../../platform/key-file.ts";
import type { ProgramIo } from "../../platform/lifecycle.ts";
import type { Logger } from "../../platform/log.ts";
import { fastestVerify } from "../../platform/native-verify.ts";
import { readPolicyText } from "../../platform/policy-file.ts";
import { UserError } from "../../platform/user-error.ts";
import { Agent } from "../agent.ts";
import type { AgentParts, SensorSetup } from "../agent-parts.ts";
import type { MakeCameras } from "../cameras/cameras.ts";
import { previewUrlOf } from "../cameras/preview-address.ts";
import type { CameraAccess } from "../cameras/rtsp/camera-access.ts";
import { DRIVERS } from "../sensors/drivers/drivers.ts";
import type { ConnectTo, Lines } from "../sensors/lines/connect.ts";
import type { EdgeConfig, SensorConfig } from "../settings/config.ts";
import { lineAddressOf, openLan, viaOf } from "../settings/lan.ts";
import { checkRetention, trustOf } from "../settings/trust.ts";
import { systemTimeSync } from "../time/time-sync.ts";
import type { AskTimeSync } from "../time/time-sync.ts";
import { hubClient, hubConnector, readAuthority, standingAsker, timeAsker } from "./hub-access.ts";

/** Makes the agent of a settings file in `folder`, whose data folder is the caller's to lock, on lines that it shares. */
export async function openAgent(
  io: Pick<ProgramIo, "files" | "clock" | "random">,
  config: EdgeConfig,
  folder: string,
  logger: Logger,
  lines: Lines,
  askTimeSync: AskTimeSync = systemTimeSync,
): Promise<Agent> {
  const { files, clock, random } = io;
  const { hub, origin, outbox } = config;
  const policyText =
    hub.policy === undefined ? undefined : await readPolicyText(files, resolve(folder, hub.policy));
  const policy = trustOf({ origin, vkey: hub.vkey, policy: policyText });
  checkRetention(outbox.retention, policy);
  const notBeforeMs = Date.parse(config.clock.notBefore);
  const connect = lines.connectTo(await openLan(files, config.lan, folder));
  const signer = await loadKey(files, resolve(folder, config.key));
  const client = await hubClient(io, config, folder);
  return Agent.open({
    device: config.name,
    origin,
    signer,
    policy,
    verify: fastestVerify,
    retention: outbox.retention,
    isRestricted: config.visibility === "restricted",
    position: config.position && { lat: config.position.lat, lon: config.position.lon },
    movedMetres: config.position?.movedMetres,
    pack: config.pack,
    outboxBytesMax: outbox.bytesMax,
    waitingReadingsMax: outbox.waitingReadingsMax,
    notBeforeMs,
    // NTP has had its chance since the machine was switched on, not since this program was started.
    waitForSyncMs: Math.max(0, config.clock.waitForSyncSeconds - uptime()) * 1000,
    preferClock: config.clock.prefer,
    askTimeSync,
    sensors: config.sensors.map((sensor, at) => sensorOf(sensor, at, notBeforeMs, clock, connect)),
    ...(await camerasOf(io, config, folder, logger)),
    ...(await previewsOf(io, config, folder)),
    connectHub: await hubConnector(io, config, folder),
    ...(hub.url === undefined
      ? {}
      : {
          askHubTime: timeAsker(client, hub.url),
          askStanding: standingAsker(client, hub.url, config.name, kidHex(signer.publicKey)),
        }),
    sending: config.sending,
    dataFolder: resolve(folder, config.data),
    files,
    clock,
    random,
    logger,
  });
}

function sensorOf(
  config: SensorConfig,
  at: number,
  notBeforeMs: number,
  clock: Clock,
  connect: ConnectTo,
): SensorSetup {
  const kind = DRIVERS.get(config.driver)!;
  const options = kind.options.safeParse(config.options);
  if (!options.success) {
    const faults = options.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
    throw new UserError(`sensors[${at}].options do not fit ${kind.name}: ${faults.join("; ")}.`);
  }
  const silentMs = config.silentSeconds === undefined ? kind.silentMs : config.silentSeconds * 1000;
  return {
    stream: config.stream,
    driverName: kind.name,
    address: config.address,
    driver: kind.create(config.options, { notBeforeMs }),
    connect: connect(lineAddressOf(kind, config.address), { clock }),
    via: viaOf(config),
    ...(silentMs === undefined ? {} : { silentMs }),
    ...(config.stuckSeconds === undefined ? {} : { stuckMs: config.stuckSeconds * 1000 }),
  };
}

/** What records cameras is loaded only where there are any. */
async function camerasOf(
  { files, clock, random }: Pick<ProgramIo, "files" | "clock" | "random">,
  config: EdgeConfig,
  folder: string,
  logger: Logger,
): Promise<{ makeCameras?: MakeCameras; gapStream?: string }> {
  const { name: device, cameras, ffmpeg, sensors, data } = config;
  const [first] = cameras;
  if (first === undefined) return {};
  const { Cameras } = await import("../cameras/cameras.ts");
  const { RtspDoor } = await import("../cameras/rtsp/rtsp-door.ts");
  const { startNodeChild: startChild } = await import("../cameras/node-child.ts");
  const { cameraSetup } = await import("../settings/camera-setup.ts");
  const setups = await Promise.all(cameras.map((camera) => cameraSetup(files, folder, camera)));
  const ground = {
    device,
    folder: `${resolve(folder, data)}/cameras`,
    ffmpeg,
    openDoor: (access: CameraAccess) => RtspDoor.open({ access, clock, random }),
    startChild,
    freeBytes,
    files,
    clock,
    random,
    logger,
  };
  return {
    makeCameras: (surroundings) => new Cameras(setups, ground, surroundings),
    gapStream: sensors[0]?.stream ?? first.stream,
  };
}

/** Where the live pictures of the cameras go. Rejects with `UserError` where the hub's address does not do for them. */
async function previewsOf(
  io: Pick<ProgramIo, "files">,
  { hub, cameras }: EdgeConfig,
  folder: string,
): Promise<Pick<AgentParts, "previewAddress">> {
  if (cameras.every(({ preview }) => preview === undefined)) return {};
  const found = previewUrlOf(hub.url);
  if ("fault" in found) throw new UserError(`${found.fault}.`);
  const pem = await readAuthority(io, hub, folder);
  const ca = pem === undefined ? undefined : Buffer.from(pem).toString("utf8");
  return { previewAddress: { url: found.url, ca } };
}
