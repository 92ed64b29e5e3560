/**
 * The settings of a camera, `[[cameras]]` (docs/cameras.md, "Settings"). Shapes and bounds only; camera-setup.ts makes a
 * camera of them.
 */

import { z } from "zod";
import { parseCameraAddress } from "../cameras/camera-address.ts";
import { nameOf } from "./name-setting.ts";

const GIBIBYTE = 2 ** 30;
/** A camera of a megabit a second writes so much, and few write less. */
const BYTES_A_SECOND = 125_000;
const SEGMENTS_MAX = 100_000;

const address: z.ZodString = z
  .string()
  .superRefine((text, context) => {
    const parsed = parseCameraAddress(text);
    if (typeof parsed === "string") context.addIssue({ code: "custom", message: parsed });
  })
  // Secret, since somebody may have put a password into it.
  .meta({
    description: "where the camera is: rtsp://host[:port]/path, or rtsps:// for TLS",
    examples: ["rtsp://192.168.1.20/stream1"],
    secret: true,
  });

/** The shape of one camera. */
export const camera: z.ZodObject<{
  name: z.ZodString;
  stream: z.ZodString;
  url: typeof address;
  username: z.ZodOptional<z.ZodString>;
  passwordFile: z.ZodOptional<z.ZodString>;
  plainPassword: z.ZodDefault<z.ZodBoolean>;
  certificate: z.ZodOptional<z.ZodString>;
  segmentSeconds: z.ZodDefault<z.ZodNumber>;
  keepBytesMax: z.ZodDefault<z.ZodNumber>;
  keepHoursMax: z.ZodDefault<z.ZodNumber>;
  silentSeconds: z.ZodDefault<z.ZodNumber>;
  publicClips: z.ZodDefault<z.ZodBoolean>;
  preview: z.ZodOptional<
    z.ZodObject<{
      width: z.ZodDefault<z.ZodNumber>;
      framesPerSecond: z.ZodDefault<z.ZodNumber>;
    }>
  >;
}> = z.object({
  name: nameOf("the camera's name", "street"),
  stream: nameOf("the enrolled stream on which its recordings are signed", "camera"),
  url: address,
  username: z
    .string()
    .regex(/^[!-~]([ -~]*[!-~])?$/, "expected printable ASCII")
    .optional()
    .meta({ description: "whom the camera knows", examples: ["viewer"] }),
  passwordFile: z
    .string()
    .min(1)
    .optional()
    .meta({ description: "file with the password, mode 0600", examples: ["camera-password"] }),
  plainPassword: z.boolean().default(false).meta({
    description: "whether the password may go over the network in clear (Basic)",
  }),
  certificate: z
    .string()
    .min(1)
    .optional()
    .meta({ description: "PEM file of the one certificate that the camera may show (rtsps://)" }),
  segmentSeconds: z.number().int().min(2).max(3_600).default(60).meta({
    description: "length of a recording; it ends at the next key frame",
  }),
  keepBytesMax: z
    .number()
    .int()
    .min(1_000_000)
    .max(2 ** 50)
    .default(4 * GIBIBYTE)
    .meta({ description: "bytes of recordings that are kept; the oldest go" }),
  keepHoursMax: z
    .number()
    .min(0.01)
    .max(100_000)
    .default(72)
    .meta({ description: "age at which recordings go" }),
  silentSeconds: z.number().int().min(2).max(600).default(10).meta({
    description: "how long it may send no picture before it is connected anew",
  }),
  publicClips: z
    .boolean()
    .default(false)
    .meta({
      description:
        "of a restricted device: whether times and sizes of recordings may be seen by all, as they are in the log",
      examples: [true],
    }),
  preview: z
    .object({
      width: z.number().int().min(64).max(1_280).default(640).meta({
        description: "pixels; the height follows",
      }),
      framesPerSecond: z
        .number()
        .min(0.2)
        .max(25)
        .default(5)
        .meta({ description: "pictures a second" }),
    })
    .optional()
    .meta({ description: "a moving picture at a low rate, made while somebody looks" }),
});

/** One camera of a device. Paths are relative to the settings file's folder. */
export type CameraConfig = Readonly<z.output<typeof camera>>;

/** What is wrong with cameras that no setting tells by itself, with the path below `cameras`. */
export function faultsOfCameras(
  cameras: readonly CameraConfig[],
  visibility: "public" | "restricted",
): { path: (string | number)[]; message: string }[] {
  const faults: { path: (string | number)[]; message: string }[] = [];
  for (const [at, one] of cameras.entries()) {
    const say = (name: string, message: string): number =>
      faults.push({ path: [at, name], message });
    const { name, url, username, passwordFile, certificate, segmentSeconds } = one;
    if (cameras.findIndex((other) => other.name === name) < at) {
      say("name", "expected a name of its own for each camera");
    }
    if (username === undefined && passwordFile !== undefined) {
      say("username", "expected the user whose password is in passwordFile");
    }
    if (username !== undefined && passwordFile === undefined) {
      say("passwordFile", "expected the file with the password of username");
    }
    if (certificate !== undefined && !url.startsWith("rtsps:")) {
      say("certificate", "expected a url that begins with rtsps://, where there is a certificate");
    }
    if (one.keepBytesMax < segmentSeconds * BYTES_A_SECOND) {
      const least = segmentSeconds * BYTES_A_SECOND;
      say("keepBytesMax", `expected room for one recording of segmentSeconds: at least ${least}`);
    }
    if (one.keepHoursMax * 3_600 < segmentSeconds) {
      say("keepHoursMax", "expected at least the length of one recording, segmentSeconds");
    }
    if ((one.keepHoursMax * 3_600) / segmentSeconds > SEGMENTS_MAX) {
      const least = Math.ceil((one.keepHoursMax * 3_600) / SEGMENTS_MAX);
      say(
        "segmentSeconds",
        `expected at least ${least}, since at most ${SEGMENTS_MAX} recordings are kept in keepHoursMax (${one.keepHoursMax}); or a lower keepHoursMax`,
      );
    }
    if (visibility === "restricted" && !one.publicClips) {
      say(
        "publicClips",
        "expected true on a restricted device: the log has no hidden form of a recording's fingerprint, so that all can see when the camera recorded and how much",
      );
    }
  }
  return faults;
}
