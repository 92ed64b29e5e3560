import { expect, test } from "vitest";
import fc from "fast-check";
import { mp4Length } from "../../../../edge/cameras/recording/mp4-length.ts";
import type { Mp4Length } from "../../../../edge/cameras/recording/mp4-length.ts";
import { concatBytes, encodeUtf8 } from "../../../../ledger/bytes.ts";
import { box, fragment, head, recording, u32 } from "./fragmented-mp4.ts";

function length(bytes: Uint8Array): Promise<Mp4Length | undefined> {
  return mp4Length(bytes.length, (offset, count) =>
    Promise.resolve(bytes.slice(offset, offset + count)),
  );
}

test("frames of all fragments are added up, also where one lasts longer", async () => {
  const bytes = concatBytes(head(), fragment(0.1, 0.1, 0.1), fragment(0.1, 5.5));
  expect(await length(bytes)).toEqual({ frames: 5, seconds: 5.9 });
});

test("durations of the fragment's head, and of the file's", async () => {
  const run = box("trun", u32(0x201, 30, 0, ...Array.from({ length: 30 }, () => 7)));
  const own = box("traf", box("tfhd", u32(0x20008, 1, 3_600)), run);
  const none = box("traf", box("tfhd", u32(0x20000, 1)), run);
  const bytes = concatBytes(head(9_000), box("moof", own), box("moof", none));
  expect(await length(bytes)).toEqual({ frames: 60, seconds: 30 * 0.04 + 30 * 0.1 });
});

test("boxes with long sizes, and ones that nobody knows", async () => {
  const large = concatBytes(u32(1), encodeUtf8("mdat"), u32(0, 24), new Uint8Array(8));
  const bytes = concatBytes(head(), large, box("xyz9", u32(1)), fragment(1));
  expect(await length(bytes)).toEqual({ frames: 1, seconds: 1 });
});

test("a head without pictures holds none", async () => {
  expect(await length(head())).toEqual({ frames: 0, seconds: 0 });
});

test.each([
  ["nothing", new Uint8Array(0)],
  ["a text", encodeUtf8("this is not a recording, whatever its name says")],
  ["pictures without a head", fragment(1)],
  ["zeros, as a power cut leaves them", new Uint8Array(4096)],
  ["a box that says it is too small", concatBytes(head(), u32(7), encodeUtf8("moof"))],
  [
    "more frames than there are",
    concatBytes(
      head(),
      box("moof", box("traf", box("tfhd", u32(0, 1)), box("trun", u32(0x101, 4_000_000_000, 0)))),
    ),
  ],
  [
    "a fragment without a head",
    concatBytes(head(), box("moof", box("traf", box("trun", u32(0, 1))))),
  ],
])("%s is none", async (_, bytes) => {
  expect(await length(bytes)).toBeUndefined();
});

test("cut anywhere but between boxes, a recording is torn", async () => {
  const whole = recording(1);
  const moof = whole.length - 108;
  const between = [0, 12, head().length, moof, whole.length];
  for (let end = 0; end <= whole.length; end++) {
    if (between.includes(end)) continue;
    expect(await length(whole.subarray(0, end)), `${end} bytes`).toBeUndefined();
  }
  expect(await length(whole)).toEqual({ frames: 10, seconds: 1 });
});

test("damaged bytes end in an answer, whatever they are", async () => {
  const whole = recording(2);
  await fc.assert(
    fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(255), async (at, byte) => {
      const damaged = whole.slice();
      damaged[at] = byte;
      const found = await length(damaged);
      expect(found === undefined || Number.isFinite(found.seconds)).toBe(true);
    }),
  );
});
