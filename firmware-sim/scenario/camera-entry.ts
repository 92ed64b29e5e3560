/**
 * What a scenario says of a camera (`board = "rtsp-camera"`): the shape of its fields, their rules, and its plan.
 */
import type { z } from "zod";
import { CAMERA_SCHEMES, type CameraLogin, type CameraScheme } from "../camera/camera-login.ts";
import type { VideoPlan } from "../camera/video-source.ts";
import { oneOf, quoted, rule, whole } from "./expectation.ts";

/** The fields that only cameras have. */
export interface CameraEntry {
  readonly username?: string;
  readonly password?: string;
  readonly authentication?: CameraScheme;
  readonly video?: string;
  readonly size?: string;
  readonly framesPerSecond?: number;
  readonly kilobitsPerSecond?: number;
}

/** How a camera is when nothing is said. */
const USUAL = { width: 640, height: 360, framesPerSecond: 10, kilobitsPerSecond: 500 };
const SIDE_MIN = 64;
const SIDE_MAX = 3840;

const size = rule<string>(
  (value) => typeof value === "string" && parseSize(value) !== undefined,
  `width and height of ${SIDE_MIN} to ${SIDE_MAX}, both even, such as "640x360"`,
);

/** The shapes of these fields. */
export const CAMERA_FIELDS: {
  readonly [F in keyof CameraEntry]-?: z.ZodExactOptional<z.ZodType<NonNullable<CameraEntry[F]>>>;
} = {
  username: rule<string>(
    (value) => typeof value === "string" && /^[ !#-9;-[\]-~]+$/.test(value),
    'a name in ASCII without colon, quote and backslash, such as "viewer"',
  ).exactOptional(),
  password: rule<string>(
    (value) => typeof value === "string" && value !== "",
    'a password, such as "a long one"',
  ).exactOptional(),
  authentication: rule<CameraScheme>(
    oneOf(CAMERA_SCHEMES),
    `one of ${quoted(CAMERA_SCHEMES)}`,
  ).exactOptional(),
  video: rule<string>(
    (value) => typeof value === "string" && value !== "",
    'the path of a video file, such as "street.mp4"',
  ).exactOptional(),
  size: size.exactOptional(),
  framesPerSecond: rule<number>(whole(1, 60), "frames a second of 1 to 60").exactOptional(),
  kilobitsPerSecond: rule<number>(
    whole(32, 50_000),
    "a thousand bits a second, 32 to 50000, such as 500",
  ).exactOptional(),
};

/** Fields of boards that measure, which mean nothing to a camera. */
const FOREIGN_FIELDS = ["model", "replay", "capture", "everySeconds", "road", "settings"] as const;

/** Gives a sentence for each rule that a camera breaks. */
export function cameraEntryFaults(board: Readonly<Record<string, unknown>>): string[] {
  const { username, password, authentication } = board;
  const isHalf = (username === undefined) !== (password === undefined);
  return [
    ...FOREIGN_FIELDS.filter((field) => board[field] !== undefined).map(
      (field) => `.${field}: a camera has none`,
    ),
    ...(isHalf ? [": expected username and password, or neither; there is one"] : []),
    ...(authentication !== undefined && username === undefined
      ? [".authentication: expected username and password beside it"]
      : []),
  ];
}

/** Gives what is to be seen. The file's path is still relative. */
export function videoPlanOf(entry: CameraEntry): VideoPlan {
  const { video, framesPerSecond, kilobitsPerSecond } = entry;
  return {
    ...(video === undefined ? {} : { file: video }),
    ...(parseSize(entry.size ?? "") ?? { width: USUAL.width, height: USUAL.height }),
    framesPerSecond: framesPerSecond ?? USUAL.framesPerSecond,
    kilobitsPerSecond: kilobitsPerSecond ?? USUAL.kilobitsPerSecond,
  };
}

/** Gives who may look; `undefined` for anybody. */
export function cameraLoginOf(entry: CameraEntry): CameraLogin | undefined {
  const { username, password, authentication = "both" } = entry;
  return username === undefined || password === undefined
    ? undefined
    : { username, password, scheme: authentication };
}

function parseSize(text: string): { width: number; height: number } | undefined {
  const match = /^(\d{2,4})x(\d{2,4})$/.exec(text);
  const [width, height] = [Number(match?.[1]), Number(match?.[2])];
  const isGood = [width, height].every(
    (side) => side >= SIDE_MIN && side <= SIDE_MAX && side % 2 === 0,
  );
  return isGood ? { width, height } : undefined;
}
