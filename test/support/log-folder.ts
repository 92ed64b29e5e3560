/** A published log on a disk, read and checked as an auditor would, with signatures that were checked once remembered. */
import { join } from "node:path";
import { decodeStatement } from "../../ledger/statement.ts";
import type { Statement } from "../../ledger/statement.ts";
import { Refusal } from "../../ledger/errors.ts";
import type { Verify } from "../../ledger/signature.ts";
import { nodeFiles } from "../../platform/files.ts";
import { fastestVerify } from "../../platform/native-verify.ts";
import { rememberingVerify } from "../hub/support/remembered-signatures.ts";
import { checkLog } from "./check-log.ts";

/** Checks everything in a log's folder and gives its entries. Throws at the first fault. */
export async function readLog(
  folder: string,
  verify: Verify = fastestVerify,
): Promise<readonly Statement[]> {
  const { entries } = await checkLog((path) => nodeFiles.read(join(folder, path)), verify);
  return entries.map((bytes) => {
    const statement = decodeStatement(bytes);
    if (statement instanceof Refusal) throw new Error(statement.text);
    return statement;
  });
}

/** Makes a verification that checks each signature once, for logs that are read again and again while they grow. */
export function verifyOnce(): Verify {
  return rememberingVerify(fastestVerify);
}
