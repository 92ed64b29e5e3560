/**
 * What an agent counts. Plain numbers that only grow; `kerbstone edge status` and `/metrics` show them.
 */

import type { RefusalCode } from "../ledger/errors.ts";

/** All counters of an agent. */
export interface Counters {
  /** Readings that drivers gave. */
  readings: number;
  /** Of these, flagged by the sensor. */
  readingsFaulty: number;
  /** Readings dropped before they were signed, because the outbox or the waiting room was full. */
  readingsDropped: number;
  /** Packs that failed the agent's own checks, and were not signed. */
  packsRefused: number;
  statementsSigned: number;
  /** Fingerprints of recordings that were signed. */
  clipsSigned: number;
  /** Recordings that stay unsigned because too many others waited, or were removed before their turn. */
  clipsDropped: number;
  /** Fingerprints that failed the agent's own checks. */
  clipsRefused: number;
  /** Statements whose payload was signed anew behind a gap. */
  statementsRenewed: number;
  gapsSigned: number;
  statementsPublished: number;
  /** Numbers of the chain that were let go. */
  statementsLetGo: number;
  /** Bytes handed to the disk for statements. */
  bytesSigned: number;
  /** All bytes handed to the disk, and syncs asked of it. */
  bytesWritten: number;
  syncs: number;
  flushes: number;
  flushesFailed: number;
  connections: number;
  connectionsFailed: number;
  acks: number;
  /** Acks for another key, or not understood. */
  acksIgnored: number;
  nacks: number;
  /** Of these, each code by itself. */
  readonly nacksByCode: Partial<Record<RefusalCode, number>>;
  nacksIgnored: number;
  receiptsAccepted: number;
  receiptsRefused: number;
  /** Statements whose bytes could not be read back from the disk. */
  statementsLost: number;
}

/** Gives counters at zero. */
export function newCounters(): Counters {
  return {
    readings: 0,
    readingsFaulty: 0,
    readingsDropped: 0,
    packsRefused: 0,
    statementsSigned: 0,
    clipsSigned: 0,
    clipsDropped: 0,
    clipsRefused: 0,
    statementsRenewed: 0,
    gapsSigned: 0,
    statementsPublished: 0,
    statementsLetGo: 0,
    bytesSigned: 0,
    bytesWritten: 0,
    syncs: 0,
    flushes: 0,
    flushesFailed: 0,
    connections: 0,
    connectionsFailed: 0,
    acks: 0,
    acksIgnored: 0,
    nacks: 0,
    nacksByCode: {},
    nacksIgnored: 0,
    receiptsAccepted: 0,
    receiptsRefused: 0,
    statementsLost: 0,
  };
}
