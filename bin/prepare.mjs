/**
 * What has to be true before anything of Kerbstone can run in a clone: a Node that is new enough, the npm packages of
 * the lock file, and built programs.
 *
 * Plain JavaScript without dependencies, since it runs before they are there. `bin/start.mjs` and `test/run.mjs` begin
 * with it.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's root folder. */
export const PROJECT = dirname(dirname(fileURLToPath(import.meta.url)));

const NODE_MIN = [20, 19];
const PROGRAM_FOLDERS = ["bin", "edge", "firmware-sim", "hub", "ledger", "platform"];
const STAMP = join(PROJECT, "dist", ".built");

/** Ends the process with one sentence on stderr. */
export function giveUp(sentence) {
  console.error(`kerbstone: ${sentence}`);
  process.exit(1);
}

/** Ends the process unless Node is new enough. */
export function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const [majorMin, minorMin] = NODE_MIN;
  if (major > majorMin || (major === majorMin && minor >= minorMin)) return;
  giveUp(
    `needs Node ${NODE_MIN.join(".")} or later, but this is ${process.versions.node}; see https://nodejs.org`,
  );
}

/**
 * Installs the npm packages where they are missing or are not those of the lock file.
 */
export function installPackages() {
  if (packagesMatchLock()) return;
  console.log("Installing npm packages …");
  if (npm(["ci", "--no-audit", "--no-fund", "--loglevel=error"]) !== 0) {
    giveUp("the npm packages could not be installed, see above; is there a network?");
  }
  if (!packagesMatchLock()) giveUp("package-lock.json does not fit package.json");
}

/** Builds the programs and the web page where a source is newer than what was built last. */
export function buildPrograms() {
  if (newestChange() < builtAt()) return;
  console.log("Building …");
  compile(["bin"]);
  buildPage();
  mkdirSync(dirname(STAMP), { recursive: true });
  writeFileSync(STAMP, "");
}

/** Compiles TypeScript projects of the repository, all of them where none is named. */
export function compile(projects = []) {
  const compiler = join(PROJECT, "node_modules", "typescript", "bin", "tsc");
  if (node([compiler, "-b", ...projects]) !== 0) giveUp("the sources do not compile, see above");
}

/** Builds the web page. */
export function buildPage() {
  const page = join(PROJECT, "dashboards", "web");
  if (!existsSync(join(page, "index.html"))) return;
  const bundler = join(PROJECT, "node_modules", "vite", "bin", "vite.js");
  const status = node([bundler, "build", "--logLevel", "warn", page]);
  if (status !== 0) giveUp("the web page does not build, see above");
}

/** Runs this very Node in the project's folder; gives the exit code. */
function node(args) {
  return run(process.execPath, args);
}

/** Runs npm, the one that runs us where there is one, in the project's folder; gives the exit code. */
export function npm(args) {
  const script = process.env["npm_execpath"];
  return script?.endsWith(".js") ? node([script, ...args]) : run("npm", args);
}

function run(program, args) {
  const { status, error } = spawnSync(program, args, { cwd: PROJECT, stdio: "inherit" });
  if (error !== undefined) giveUp(`could not run ${program}: ${error.message}`);
  return status ?? 1;
}

/** Whether what npm wrote down of its last installation agrees with the lock file. */
function packagesMatchLock() {
  const installed = readLock(join(PROJECT, "node_modules", ".package-lock.json"));
  const wanted = readLock(join(PROJECT, "package-lock.json"));
  if (installed === undefined || wanted === undefined) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === "") return true;
    const found = installed[path];
    // Packages for other processors and systems are in the lock file, but not installed.
    if (found === undefined) return entry.optional === true || entry.peer === true;
    return found.version === entry.version && found.integrity === entry.integrity;
  });
}

function readLock(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8")).packages;
  } catch {
    return undefined;
  }
}

/** When the newest source was changed, as milliseconds. */
function newestChange() {
  const single = ["package-lock.json", "tsconfig.base.json", "tsconfig.json"];
  const folders = [...PROGRAM_FOLDERS, "dashboards/web"].map((name) => join(PROJECT, name));
  const files = single.map((name) => join(PROJECT, name)).filter((path) => existsSync(path));
  return Math.max(...files.map(changedAt), ...folders.map(newestIn));
}

function newestIn(folder) {
  if (!existsSync(folder)) return 0;
  const times = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.name !== "node_modules" && entry.name !== "dist")
    .map((entry) => join(folder, entry.name))
    .map((path) => (statSync(path).isDirectory() ? newestIn(path) : changedAt(path)));
  // A folder changes when a file in it is removed.
  return Math.max(changedAt(folder), ...times);
}

function changedAt(path) {
  return statSync(path).mtimeMs;
}

function builtAt() {
  return existsSync(STAMP) ? changedAt(STAMP) : 0;
}
