/** How the cameras of a settings file are reached: their passwords and certificates are read here, and nowhere shown. */

import { X509Certificate } from "node:crypto";
import { resolve } from "node:path";
import { parseCameraAddress } from "../cameras/camera-address.ts";
import type { CameraAddress } from "../cameras/camera-address.ts";
import type { CameraSetup } from "../cameras/camera.ts";
import type { CameraAccess } from "../cameras/rtsp/camera-access.ts";
import type { Files } from "../../platform/files.ts";
import { readGivenFile } from "../../platform/given-file.ts";
import { readPassword } from "../../platform/secret-file.ts";
import { UserError } from "../../platform/user-error.ts";
import type { CameraConfig } from "./camera-config.ts";

/** Makes the access to a camera. Rejects with `UserError` where a file is missing, not what it should be, or open to others. */
export async function readCameraAccess(
  files: Files,
  folder: string,
  config: CameraConfig,
): Promise<CameraAccess> {
  const { username, passwordFile, certificate, plainPassword, silentSeconds, url } = config;
  const password =
    passwordFile === undefined
      ? undefined
      : await readPassword(files, resolve(folder, passwordFile));
  return {
    // The settings were checked.
    address: parseCameraAddress(url) as CameraAddress,
    credentials:
      username === undefined || password === undefined ? undefined : { username, password },
    plainPassword,
    certificate:
      certificate === undefined
        ? undefined
        : await readCertificate(files, resolve(folder, certificate)),
    silentMs: silentSeconds * 1000,
  };
}

/** Makes a camera of its settings. Rejections as of `readCameraAccess`. */
export async function cameraSetup(
  files: Files,
  folder: string,
  config: CameraConfig,
): Promise<CameraSetup> {
  const { name, stream, segmentSeconds, keepBytesMax, keepHoursMax, preview } = config;
  return {
    name,
    stream,
    access: await readCameraAccess(files, folder, config),
    segmentSeconds,
    limits: { bytesMax: keepBytesMax, ageMsMax: keepHoursMax * 3_600_000 },
    preview,
  };
}

/** Reads a certificate in PEM and gives its DER. */
async function readCertificate(files: Files, path: string): Promise<Uint8Array> {
  const bytes = await readGivenFile(files, path, "certificate");
  try {
    return new Uint8Array(new X509Certificate(bytes).raw);
  } catch (cause) {
    throw new UserError(`${path} holds no certificate in PEM.`, { cause });
  }
}
