/** The command that repeats a check on any machine, without this page and without its hub. */

/** Names the file of an entry's evidence. */
export function evidenceFileName(entry: number): string {
  return `entry-${entry}.evidence.json`;
}

/** Names the file of an entry's proof. */
export function proofFileName(entry: number): string {
  return `entry-${entry}.tlog-proof`;
}

export const POLICY_FILE_NAME = "pinned.policy";

/** Whom the command is to trust. */
export type OfflineTrust = { readonly vkey: string } | { readonly policyFile: string };

/** Writes the command for a POSIX shell. */
export function offlineCommand(file: string, trust: OfflineTrust): string {
  const whom = "vkey" in trust ? ["--vkey", trust.vkey] : ["--policy", trust.policyFile];
  return ["npx", "kerbstone", "verify", file, ...whom].map(quote).join(" ");
}

/** Quotes a word where a shell would see more in it than a word. */
function quote(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
