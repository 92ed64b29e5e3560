/** A camera that shows a test picture: MPEG-1 video in an MPEG transport stream, by ffmpeg. */

/** Arguments for a small moving test picture without sound; where it goes, and how fast, is the caller's to add. */
export const TEST_PICTURE: readonly string[] = [
  "-hide_banner",
  "-loglevel",
  "error",
  "-f",
  "lavfi",
  "-i",
  "testsrc2=size=320x180:rate=25",
  "-an",
  "-c:v",
  "mpeg1video",
  "-b:v",
  "400k",
  "-bf",
  "0",
];
