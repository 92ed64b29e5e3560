/**
 * What `npm test` runs: makes a fresh clone and its machine ready, runs the suite, and says what was left out.
 *
 * Arguments go to vitest: `npm test -- test/ledger`. With `CI=true` a missing program is a failure. Where
 * `KERBSTONE_RESULT` names a file, what came of it is written there as JSON `{ passed, failed, failures, leftOut }`.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join, relative } from "node:path";
import {
  PROJECT,
  buildPage,
  checkNode,
  compile,
  giveUp,
  installPackages,
} from "../bin/prepare.mjs";
import { ARM64_NODE, fetchArm64Node } from "./arm64-node.mjs";
import * as debian from "./debian-packages.mjs";

const inCi = !["", "0", "false", undefined].includes(process.env["CI"]);

checkNode();
installPackages();
preparePrograms();
prepareArm64Node();
compile();
buildPage();

const folder = mkdtempSync(join(tmpdir(), "kerbstone-run-"));
process.once("exit", () => {
  rmSync(folder, { recursive: true, force: true });
});
const report = join(folder, "vitest.json");
const notes = join(folder, "left-out.txt");
writeFileSync(notes, "");

const exitCode = await runVitest(process.argv.slice(2));
const result = count(exitCode);
if (process.env["KERBSTONE_RESULT"]) {
  writeFileSync(process.env["KERBSTONE_RESULT"], JSON.stringify(result));
}
summarize(result);
process.exit(exitCode === 0 && result.failed > 0 ? 1 : exitCode);

/** Sees to the Debian packages, as far as this machine allows. */
function preparePrograms() {
  const wanted = debian.missingPackages();
  if (wanted.length === 0) return;
  const reason = debian.installPackages(wanted.map(({ name }) => name));
  const missing = debian.missingPackages();
  if (missing.length === 0) return;
  const names = missing.map(({ name }) => name).join(" ");
  const sentence = `the tests need Debian packages that are not there: ${names} (${reason})`;
  if (inCi) giveUp(sentence);
  console.log(`kerbstone: ${sentence}; what needs them is left out`);
}

/** Sees to the Node for 64-bit ARM, as far as the registry allows. */
function prepareArm64Node() {
  const reason = fetchArm64Node();
  if (reason === undefined) return;
  const sentence = `the tests on 64-bit ARM need ${reason}`;
  if (inCi) giveUp(sentence);
  console.log(`kerbstone: ${sentence}; they are left out`);
}

/** Runs vitest to its end; gives its exit code. A signal to us is a signal to it. */
function runVitest(args) {
  const vitest = join(PROJECT, "node_modules", "vitest", "vitest.mjs");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const child = spawn(process.execPath, [vitest, "run", ...reporters, ...args], {
    cwd: PROJECT,
    stdio: "inherit",
    env: { ...process.env, KERBSTONE_LEFT_OUT: notes, KERBSTONE_ARM64_NODE: ARM64_NODE },
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => child.kill(signal));
  }
  return new Promise((resolve) => {
    child.once("error", (error) => {
      giveUp(`could not start vitest: ${error.message}`);
    });
    child.once("exit", (code, signal) => {
      resolve(code ?? 128 + constants.signals[signal]);
    });
  });
}

/** Counts from vitest's report. What fails outside of a test (a file that cannot be read, a crash) counts as one. */
function count(vitestExitCode) {
  const { numPassedTests = 0, numFailedTests = 0, testResults = [] } = readReport();
  const tests = testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map(({ status }) => ({ file: relative(PROJECT, name), status })),
  );
  const brokenFiles = testResults.filter(
    ({ status, assertionResults }) =>
      status === "failed" && assertionResults.every((test) => test.status !== "failed"),
  );
  const failed = numFailedTests + brokenFiles.length;
  const failures = [
    ...testResults.flatMap(({ name, assertionResults }) =>
      assertionResults
        .filter(({ status }) => status === "failed")
        .map((test) => failure(name, test.fullName, test.failureMessages.join("\n"))),
    ),
    ...brokenFiles.map(({ name, message }) => failure(name, "the file itself", message)),
  ];
  if (failures.length === 0 && vitestExitCode !== 0) {
    failures.push(`vitest ended with ${vitestExitCode} though no test failed`);
  }
  return {
    passed: numPassedTests,
    failed: failed === 0 && vitestExitCode !== 0 ? 1 : failed,
    failures,
    leftOut: tests.filter(({ status }) => status !== "passed" && status !== "failed"),
  };
}

/** A failure in a few lines, for the end of a long log. */
function failure(file, test, message) {
  const lines = message.split("\n").filter((line) => !line.includes("node_modules"));
  return [`${relative(PROJECT, file)} > ${test}`, ...lines.slice(0, 20)].join("\n    ");
}

function readReport() {
  try {
    return JSON.parse(readFileSync(report, "utf8"));
  } catch {
    console.error("kerbstone: vitest ended without a report");
    return {};
  }
}

/** Says what was left out, file by file, and why. */
function summarize({ leftOut }) {
  if (leftOut.length === 0) return;
  console.log(`\nNot run (${leftOut.length}):`);
  for (const file of new Set(leftOut.map((test) => test.file))) {
    console.log(`  ${file}: ${leftOut.filter((test) => test.file === file).length}`);
  }
  const reasons = new Set(readFileSync(notes, "utf8").split("\n").filter(Boolean));
  if (reasons.size > 0) console.log("Why:");
  for (const reason of reasons) console.log(`  ${reason}`);
}
