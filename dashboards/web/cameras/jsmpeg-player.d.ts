/** The parts of `@cycjimmy/jsmpeg-player` that jsmpeg-parts.ts exports, as far as they are used. */

declare module "@cycjimmy/jsmpeg-player" {
  /** Where a demuxer puts what belongs together: the bytes of one PES packet, in pieces. */
  interface PesDestination {
    write(pts: number, pieces: Uint8Array[]): void;
  }

  /** Where a decoder puts pictures: planes of luminance and colour, which are the decoder's. */
  interface PictureDestination {
    resize(width: number, height: number): void;
    render(y: Uint8ClampedArray, cb: Uint8ClampedArray, cr: Uint8ClampedArray): void;
  }

  /** MPEG transport streams (ISO/IEC 13818-1). */
  export class TS {
    static readonly STREAM: { readonly VIDEO_1: number };
    connect(streamId: number, destination: PesDestination): void;
    /** Takes bytes, and keeps views on them until their packet is complete. */
    write(bytes: Uint8Array): void;
  }

  /** Encoded bytes, read bit by bit. */
  interface BitBuffer {
    /** The next bit. */
    readonly index: number;
    readonly byteLength: number;
    /** Reads bits; beyond the end, zeros. */
    read(count: number): number;
  }

  /** MPEG-1 video (ISO/IEC 11172-2) without B pictures. */
  export class MPEG1 {
    readonly bits: BitBuffer;
    constructor(options: {
      streaming: boolean;
      /** Encoded bytes that it holds at most; more in one piece throws. */
      videoBufferSize: number;
      decodeFirstFrame: boolean;
    });
    connect(destination: PictureDestination): void;
    write(pts: number, pieces: Uint8Array[]): void;
    /** Steps over one start code; true where that was a picture, which it has then decoded. */
    decode(): boolean;
  }

  /** Pictures on a canvas; only its way from planes to pixels is used. */
  export class CanvasRenderer {
    enabled: boolean;
    width: number;
    height: number;
    /** Writes red, green and blue of each pixel, and leaves opacity as it is. */
    YCbCrToRGBA(
      y: Uint8ClampedArray,
      cb: Uint8ClampedArray,
      cr: Uint8ClampedArray,
      rgba: Uint8ClampedArray,
    ): void;
  }
}
