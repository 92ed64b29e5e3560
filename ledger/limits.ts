/** The bounds of docs/formats.md, each named once. Sizes are bytes of the encoded form unless the name says else. */

/** A statement, and the preimage of a restricted pack, fit the `uint16` length of an entry bundle (section 3, 7). */
export const STATEMENT_BYTES_MAX = 65_535;

/** A statement with its preimage as one MQTT message (section 10). */
export const PAIR_BYTES_MAX = 131_200;

/** Free text inside a payload (section 1). */
export const TEXT_BYTES_MAX = 256;

/** An origin (introduction of docs/formats.md). */
export const ORIGIN_BYTES_MAX = 255;

/** Arrays and maps inside one another (section 1). */
export const CBOR_DEPTH_MAX = 8;

/** SenML records of one pack (section 5). */
export const PACK_RECORDS_MAX = 256;

/** Streams of one device (section 4). */
export const STREAMS_MAX = 16;

/** Registrars of a genesis (section 4). */
export const REGISTRARS_MAX = 64;

/** The least time that counts as absolute, in seconds since 1970 (RFC 8428, 4.5.3): 1978-07-04. */
export const ABSOLUTE_SECONDS_MIN: number = 2 ** 28;

/** How far a clock may be ahead of the hub's, in seconds (section 6). */
export const CLOCK_AHEAD_SECONDS_MAX = 300;

/** How far a reading may lie after the signing of its pack, in seconds (section 5). */
export const READING_AHEAD_SECONDS_MAX = 1;
