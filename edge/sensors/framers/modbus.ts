/**
 * Answers on a Modbus RTU line, after Modbus over Serial Line V1.02 and Modbus Application Protocol V1.1b3.
 *
 * Frames have no head, and the silence that separates them is lost in adapters. Only the master knows what comes next:
 * the framer is told the question, and finds its answer, or the exception in its place, by unit, function, length and
 * check. All else is noise: echoes of the question, and answers that come too late.
 */

import { crc16 } from "./crc16.ts";
import type { Framer } from "./framer.ts";
import { RollingFramer, type Verdict } from "./rolling-framer.ts";

/** What was asked, as far as it tells the answer. */
export interface ModbusQuestion {
  /** 1 to 247. */
  readonly unit: number;
  readonly functionCode: number;
  /** Bytes of data: behind the count for functions 1 to 4, else the four that repeat the question. */
  readonly dataBytes: number;
}

/** An answer. */
export type ModbusAnswer = { readonly unit: number; readonly functionCode: number } & (
  | {
      readonly kind: "data";
      /** As many bytes as the question said. */
      readonly data: readonly number[];
    }
  | {
      readonly kind: "exception";
      /** 1 illegal function, 2 address, 3 value, 4 failure, 5 acknowledged, 6 busy, 10 and 11 of gateways. */
      readonly code: number;
    }
);

/** Bytes of the longest frame on a Modbus line. */
export const MODBUS_FRAME_BYTES_MAX = 256;
const CHECK_BYTES = 2;
const EXCEPTION_BYTES = 5;
const EXCEPTION_FLAG = 0x80;
/** Functions that read: their answers say how many bytes follow. */
const COUNTED: readonly number[] = [1, 2, 3, 4];

/** Makes a framer of answers to what `question` says at the time; without a question nothing is an answer. */
export function modbusFramer(question: () => ModbusQuestion | undefined): Framer<ModbusAnswer> {
  return new RollingFramer({
    bytesMax: MODBUS_FRAME_BYTES_MAX,
    examine: (bytes) => examine(bytes, question()),
  });
}

/** Appends the check to a frame: low byte first. */
export function closeModbusFrame(body: readonly number[]): Uint8Array {
  const crc = crc16(Uint8Array.from(body), 0xffff);
  return Uint8Array.from([...body, crc & 0xff, crc >> 8]);
}

function examine(bytes: Uint8Array, question: ModbusQuestion | undefined): Verdict<ModbusAnswer> {
  const at = question === undefined ? -1 : bytes.indexOf(question.unit);
  if (question === undefined || at !== 0)
    return { kind: "noise", length: at < 0 ? bytes.length : at };
  const { unit, functionCode, dataBytes } = question;
  const [, second, third] = bytes;
  if (second === undefined) return { kind: "incomplete" };
  if (second === (functionCode | EXCEPTION_FLAG)) {
    if (bytes.length < EXCEPTION_BYTES) return { kind: "incomplete" };
    if (!isChecked(bytes.subarray(0, EXCEPTION_BYTES))) return { kind: "broken" };
    const frame = { kind: "exception", unit, functionCode, code: third! } as const;
    return { kind: "frame", length: EXCEPTION_BYTES, frame };
  }
  if (second !== functionCode) return { kind: "noise", length: 1 };
  const isCounted = COUNTED.includes(functionCode);
  const dataAt = isCounted ? 3 : 2;
  const length = dataAt + dataBytes + CHECK_BYTES;
  if (isCounted && (third ?? dataBytes) !== dataBytes) return { kind: "broken" };
  if (bytes.length < length) return { kind: "incomplete" };
  if (!isChecked(bytes.subarray(0, length))) return { kind: "broken" };
  const data = [...bytes.subarray(dataAt, dataAt + dataBytes)];
  return { kind: "frame", length, frame: { kind: "data", unit, functionCode, data } };
}

/** A frame with its check behind it leaves no rest. */
function isChecked(frame: Uint8Array): boolean {
  return crc16(frame, 0xffff) === 0;
}
