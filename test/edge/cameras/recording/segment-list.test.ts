import { describe, expect, test } from "vitest";
import {
  SegmentListReader,
  segmentName,
  segmentNumber,
} from "../../../../edge/cameras/recording/segment-list.ts";
import { encodeUtf8 } from "../../../../ledger/bytes.ts";

const LIST = "0000000007.mp4,0.000000,60.402822\n0000000008.mp4,60.402822,120.402822\n";

describe("the list of ffmpeg", () => {
  test("cut at every byte it says the same", () => {
    const bytes = encodeUtf8(LIST);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const reader = new SegmentListReader();
      const found = [...reader.push(bytes.subarray(0, cut)), ...reader.push(bytes.subarray(cut))];
      expect(found).toEqual([
        { number: 7, endSeconds: 60.402822 },
        { number: 8, endSeconds: 120.402822 },
      ]);
    }
  });

  test("what is no line of it is passed over, and what never ends is not kept", () => {
    const reader = new SegmentListReader();
    const odd = "hello\n../../etc/passwd,0,1\n0000000001.mp4,0\n0000000001.mp4,0,nan\n7.mp4,0,1\n";
    expect(reader.push(encodeUtf8(odd))).toEqual([]);
    expect(reader.push(encodeUtf8("x".repeat(1_000_000)))).toEqual([]);
    expect(reader.push(encodeUtf8(`\n${LIST}`))).toHaveLength(2);
  });

  test("names and numbers belong together", () => {
    for (const number of [0, 42, 9_999_999_999, 12_345_678_901]) {
      expect(segmentNumber(segmentName(number))).toBe(number);
    }
    for (const name of ["42.mp4", "0000000042.mp4x", "00000000042.mp4", "next.json", ""]) {
      expect(segmentNumber(name)).toBeUndefined();
    }
  });
});
