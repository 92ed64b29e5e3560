/**
 * The list of finished segments, as ffmpeg's segment muxer prints it: `0000000007.mp4,0.000000,60.040000`, one a line as
 * soon as the segment is closed. Pure.
 */

/** A segment that ffmpeg has closed. */
export interface ListedSegment {
  readonly number: number;
  /** Where it ends in the time of the stream, which begins at about zero with each run. */
  readonly endSeconds: number;
}

const LINE_LENGTH_MAX = 512;

/** The name of a segment's file; as ffmpeg makes it of `SEGMENT_PATTERN`. */
export function segmentName(number: number): string {
  return `${String(number).padStart(10, "0")}.mp4`;
}

/** How ffmpeg is told to name them. */
export const SEGMENT_PATTERN = "%010d.mp4";

/** The number in a segment's file name; `undefined` for any other name. */
export function segmentNumber(name: string): number | undefined {
  const digits = /^(\d{10,15})\.mp4$/.exec(name)?.[1];
  const number = Number(digits);
  return digits !== undefined && segmentName(number) === name ? number : undefined;
}

/** Takes the list apart as it comes; what is no line of it is passed over. */
export class SegmentListReader {
  private readonly decoder = new TextDecoder();
  private rest = "";

  push(chunk: Uint8Array): ListedSegment[] {
    const lines = (this.rest + this.decoder.decode(chunk, { stream: true })).split(/\r?\n/);
    this.rest = (lines.pop() ?? "").slice(-LINE_LENGTH_MAX);
    return lines.flatMap((line) => {
      const fields = /^([^,]+),(-?[\d.]+),(-?[\d.]+)$/.exec(line);
      const number = segmentNumber(fields?.[1] ?? "");
      const endSeconds = Number(fields?.[3]);
      return number === undefined || !Number.isFinite(endSeconds) ? [] : [{ number, endSeconds }];
    });
  }
}
