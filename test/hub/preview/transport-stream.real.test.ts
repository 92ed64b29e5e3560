/** What ffmpeg really makes, read as the relay reads it. */

import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { TransportStream } from "../../../hub/preview/transport-stream.ts";
import { ffmpeg, ffmpegPath } from "../../support/programs.ts";
import { lacks } from "../../support/requirements.ts";
import { TEST_PICTURE } from "../../support/test-picture.ts";

test.skipIf(lacks(ffmpeg))(
  "every picture of ffmpeg begins a part, and so many can be begun with",
  () => {
    const args = [...TEST_PICTURE, "-frames:v", "50", "-g", "25", "-f", "mpegts", "-"];
    const bytes = new Uint8Array(execFileSync(ffmpegPath(), args));
    const parts = new TransportStream(1e6).read(bytes);
    if (typeof parts === "string") throw new Error(parts);
    const begins = parts.filter(({ kind }) => kind === "picture");
    expect(begins.length).toBe(50);
    expect(begins.flatMap(({ isKey }, i) => (isKey ? [i] : []))).toEqual([0, 25]);
    expect(parts[0]!.kind).toBe("tables");
  },
);
