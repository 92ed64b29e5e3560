/** Where pictures are decoded: a thread of its own, which moving-picture.ts owns. */

import { PictureDecoder } from "./picture-decoder.ts";
import type { PictureReply, PictureRequest } from "./moving-picture.ts";

const decoder = new PictureDecoder();

addEventListener("message", ({ data }: MessageEvent<PictureRequest>) => {
  const { packets, isDrawn, isAfterLoss } = data;
  if (isAfterLoss) decoder.reset();
  const { pictures, pixels } = decoder.take(packets, isDrawn);
  const reply: PictureReply = { bytes: packets.length, pictures, pixels };
  postMessage(reply, { transfer: pixels === undefined ? [] : [pixels.rgba.buffer] });
});
