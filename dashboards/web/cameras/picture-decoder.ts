/**
 * Decodes a live picture: an MPEG transport stream with MPEG-1 video into pixels, by the decoder of jsmpeg.
 *
 * A camera may send anything, and lines lose bytes. Sizes are bounded before the decoder gets to see them. It does not
 * notice the end of its bytes and would read on for minutes: here that ends the picture, and decoding begins anew at the
 * next one that stands by itself. What still takes too long is picture-worker's owner's business: this runs apart from
 * the page.
 */

import { CanvasRenderer, MPEG1, TS } from "@cycjimmy/jsmpeg-player";
import { continuesSequence, readSequenceHeader } from "./sequence-header.ts";
import type { SequenceHeader } from "./sequence-header.ts";

/** A picture as a canvas takes it. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** Red, green, blue and opacity of each pixel, row by row. */
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
}

const WIDTH_MAX = 1_920;
const HEIGHT_MAX = 1_088;
/** The hub passes on no picture of more than half of it. */
const DECODER_BYTES = 1_048_576;
/** Headers that may stand before a picture's own start code. */
const HEADERS_MAX = 8;

/** See the head of the file. */
export class PictureDecoder {
  #demuxer: TS;
  #decoder: MPEG1 | undefined;
  #header: SequenceHeader | undefined;
  /** Turns the planes of the newest picture into pixels; they are the decoder's until it goes on. */
  #draw: (() => Pixels) | undefined;
  #pictures = 0;

  constructor() {
    this.#demuxer = this.#newDemuxer();
  }

  /**
   * Takes whole transport packets, which nobody changes afterwards.
   *
   * Gives how many pictures they completed, and the last of them where `isDrawn` asks for it.
   */
  take(packets: Uint8Array, isDrawn: boolean): { pictures: number; pixels: Pixels | undefined } {
    this.#pictures = 0;
    this.#draw = undefined;
    this.#demuxer.write(packets);
    const draw = this.#draw as (() => Pixels) | undefined;
    return { pictures: this.#pictures, pixels: isDrawn ? draw?.() : undefined };
  }

  /** Says that packets are missing: what follows is of use from the next picture on that stands by itself. */
  reset(): void {
    this.#demuxer = this.#newDemuxer();
    this.#forget();
  }

  #newDemuxer(): TS {
    const demuxer = new TS();
    demuxer.connect(TS.STREAM.VIDEO_1, {
      write: (pts, pieces) => this.#takePicture(pts, pieces),
    });
    return demuxer;
  }

  #forget(): void {
    this.#decoder = undefined;
    this.#header = undefined;
  }

  #takePicture(pts: number, pieces: Uint8Array[]): void {
    const header = readSequenceHeader(pieces[0] ?? new Uint8Array(0));
    if (header !== undefined) this.#begin(header);
    const decoder = this.#decoder;
    if (decoder === undefined) return;
    try {
      decoder.write(pts, pieces);
      for (let i = 0; i < HEADERS_MAX; i++) {
        if (!decoder.decode()) continue;
        this.#pictures += 1;
        return;
      }
    } catch {
      this.#forget();
    }
  }

  #begin(header: SequenceHeader): void {
    if (this.#header !== undefined && continuesSequence(this.#header, header)) return;
    const { width, height } = header;
    const isDrawable = width > 0 && height > 0 && width <= WIDTH_MAX && height <= HEIGHT_MAX;
    this.#header = isDrawable ? header : undefined;
    this.#decoder = isDrawable ? this.#newDecoder() : undefined;
  }

  #newDecoder(): MPEG1 {
    const decoder = new MPEG1({
      streaming: true,
      videoBufferSize: DECODER_BYTES,
      decodeFirstFrame: false,
    });
    endWithBytes(decoder);
    const converter = Object.assign(Object.create(CanvasRenderer.prototype) as CanvasRenderer, {
      enabled: true,
      width: 0,
      height: 0,
    });
    decoder.connect({
      resize: (width, height) => Object.assign(converter, { width, height }),
      render: (y, cb, cr) => {
        this.#draw = () => {
          const { width, height } = converter;
          const rgba = new Uint8ClampedArray(4 * width * height).fill(255);
          converter.YCbCrToRGBA(y, cb, cr, rgba);
          return { width, height, rgba };
        };
      },
    });
    return decoder;
  }
}

/** Has the decoder throw where it reads past the end of its bytes. */
function endWithBytes({ bits }: MPEG1): void {
  const read = bits.read.bind(bits);
  bits.read = (count) => {
    if (bits.index > 8 * bits.byteLength) throw new RangeError("the picture is cut off");
    return read(count);
  };
}
