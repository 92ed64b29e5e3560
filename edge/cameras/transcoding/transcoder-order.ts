/** What the transcoder is told to do, and what that means for ffmpeg. Pure. */

/** Said to the program once, when it starts. */
export interface TranscoderOrder {
  /** The door's. */
  readonly url: string;
  /** A path, or a name on PATH. */
  readonly ffmpeg: string;
  readonly width: number;
  readonly framesPerSecond: number;
}

/** What the program says back where ffmpeg could not be started: the system's code. */
export interface TranscoderFailure {
  readonly failed: string;
}

/** MPEG-1 knows few rates; players of it know no others. Frames in between are repeated, which costs next to nothing. */
const CODED_RATE = 25;
/** What a moving street takes at 640 pixels and 5 pictures a second, in half a megabit. */
const BITS_PER_WIDTH_SQUARED = 0.25;

/** The flags of ffmpeg behind its input, in the form of node-rtsp-stream. */
export function transcoderFlags({
  width,
  framesPerSecond,
}: TranscoderOrder): Record<string, string | number> {
  return {
    "-nostdin": "",
    "-nostats": "",
    "-loglevel": "error",
    "-an": "",
    "-sn": "",
    // Even numbers, as the format wants them; never larger than the camera's own picture.
    "-vf": `fps=${framesPerSecond},scale='min(${width},iw)':-2`,
    "-r": CODED_RATE,
    "-b:v": Math.round(width * width * framesPerSecond * BITS_PER_WIDTH_SQUARED),
    "-bf": 0,
    // A preview is a by-product: it gets one core at most for its work.
    "-threads": 1,
    // Live: what is ready goes out.
    "-muxdelay": "0.001",
    "-flush_packets": 1,
  };
}
