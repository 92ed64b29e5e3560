/**
 * Draws a live picture on a canvas: an MPEG transport stream with MPEG-1 video, by the decoder of jsmpeg.
 *
 * Loaded only when somebody looks. A camera may send anything: sizes are bounded before the decoder gets to see them, and
 * where it throws it is made anew at the next picture that stands by itself.
 */

import { CanvasRenderer, MPEG1, TS } from "@cycjimmy/jsmpeg-player";
import { continuesSequence, readSequenceHeader } from "./sequence-header.ts";
import type { SequenceHeader } from "./sequence-header.ts";

/** How pictures are drawn. */
export interface MovingPictureOptions {
  readonly canvas: HTMLCanvasElement;
  readonly nowMs: () => number;
  /** Pictures are drawn this far apart at least; 0 for all of them. */
  readonly apartMs: number;
  /** Called after each picture that was decoded, drawn or not. */
  readonly onPicture: () => void;
}

const WIDTH_MAX = 1_920;
const HEIGHT_MAX = 1_088;
/** The hub passes on no picture of more than half of it. */
const DECODER_BYTES = 1_048_576;
/** Headers that may stand before a picture's own start code. */
const HEADERS_MAX = 8;

/** See the head of the file. */
export class MovingPicture {
  readonly #options: MovingPictureOptions;
  readonly #renderer: CanvasRenderer;
  readonly #demuxer = new TS();
  #decoder: MPEG1 | undefined;
  #header: SequenceHeader | undefined;
  #drawnMs = Number.NEGATIVE_INFINITY;

  constructor(options: MovingPictureOptions) {
    this.#options = options;
    this.#renderer = new CanvasRenderer({ canvas: options.canvas });
    this.#demuxer.connect(TS.STREAM.VIDEO_1, {
      write: (pts, pieces) => this.#takePicture(pts, pieces),
    });
  }

  /** Takes whole transport packets, which nobody changes afterwards. */
  take(packets: Uint8Array): void {
    this.#demuxer.write(packets);
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
        this.#options.onPicture();
        return;
      }
    } catch {
      this.#decoder = undefined;
      this.#header = undefined;
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
    decoder.connect({
      resize: (width, height) => this.#renderer.resize(width, height),
      render: (y, cb, cr) => {
        const { nowMs, apartMs } = this.#options;
        if (nowMs() - this.#drawnMs < apartMs) return;
        this.#drawnMs = nowMs();
        this.#renderer.render(y, cb, cr);
      },
    });
    return decoder;
  }
}
