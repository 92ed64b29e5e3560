/** A sensor in memory at the other end of a line, for tests of commands that listen at ports. */

import type { ConnectionEvents } from "../../../edge/sensors/lines/line.ts";
import type { ConnectTo } from "../../../edge/sensors/lines/connect.ts";
import type { LineAddress } from "../../../edge/sensors/lines/address.ts";
import { encodeHex } from "../../../ledger/bytes.ts";
import type { Clock } from "../../../platform/clock.ts";

/** What a board says once a second at a speed, and what it answers. */
export interface Board {
  readonly says?: (baudRate: number) => Uint8Array | undefined;
  readonly answers?: (bytes: Uint8Array, baudRate: number) => Uint8Array | undefined;
  /** Why its port cannot be opened. */
  readonly fails?: string;
}

/** What was done to the boards. */
export interface Handling {
  /** In hexadecimal. */
  readonly written: string[];
  /** At which the ports were opened; 0 for a converter. */
  readonly speeds: number[];
}

/** Connects to the board that stands at an address. */
export function connectToBoards(
  boardAt: (address: LineAddress) => Board,
  clock: Clock,
  handling: Handling,
): ConnectTo {
  return (address) => (events: ConnectionEvents) => {
    const board = boardAt(address);
    if (board.fails !== undefined) return Promise.reject(new Error(board.fails));
    const baudRate = address.kind === "serial" ? address.baudRate : 0;
    handling.speeds.push(baudRate);
    let isOpen = true;
    const speak = (): void => {
      if (!isOpen) return;
      const bytes = board.says?.(baudRate);
      if (bytes) events.bytes(bytes);
      clock.after(1_000, speak);
    };
    clock.after(300, speak);
    return Promise.resolve({
      write: (bytes) => {
        handling.written.push(encodeHex(bytes));
        const answer = board.answers?.(bytes, baudRate);
        if (answer) clock.after(50, () => isOpen && events.bytes(answer));
        return true;
      },
      close: () => {
        isOpen = false;
        return Promise.resolve();
      },
    });
  };
}
