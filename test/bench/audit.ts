/** Full audit of a log, all cores, against bare verification of as many signatures by all cores. */

import { availableParallelism } from "node:os";
import { AuditFault, auditLog } from "../../ledger/audit.ts";
import { decodeStatement, signedBytes } from "../../ledger/statement.ts";
import type { Statement } from "../../ledger/statement.ts";
import { nodeFiles } from "../../platform/files.ts";
import { folderSource } from "../../platform/log-source.ts";
import { fastestVerify } from "../../platform/native-verify.ts";
import { VerifyPool } from "../../platform/verify-pool.ts";
import { bareVerifyRate } from "./bare-verify.ts";
import type { Figure } from "./figure.ts";
import { writeLog } from "./long-log.ts";

const BLOCKS = 20;
const ENTRIES_PER_BLOCK = 1000;

/** Audits a log of 20,000 packs of one reading. */
export async function benchAudit(folder: string): Promise<Figure[]> {
  const log = await writeLog(`${folder}/hub`, {
    blocks: BLOCKS,
    entriesPerBlock: ENTRIES_PER_BLOCK,
  });
  const pool = new VerifyPool(availableParallelism());
  try {
    const audit = async (): Promise<number> => {
      const source = folderSource(nodeFiles, `${folder}/hub/log`);
      const start = performance.now();
      const verifyMany = pool.verify.bind(pool);
      const report = await auditLog({ source, verify: fastestVerify, verifyMany });
      if (report instanceof AuditFault) throw new Error(`${report.code}: ${report.text}`);
      return report.size / ((performance.now() - start) / 1000);
    };
    await audit();
    const rate = await audit();
    const statement = decodeStatement(log.sample) as Statement;
    const job = {
      publicKey: log.sampleKey,
      message: signedBytes(statement),
      signature: statement.signature,
    };
    const bare = await bareVerifyRate(job);
    return [
      {
        what: "full audit, all cores",
        measured: `${Math.round(rate)} entries/s`,
        against: `${Math.round(bare)} bare verifications/s of all cores`,
        ratio: rate / bare,
      },
    ];
  } finally {
    await pool.close();
  }
}
