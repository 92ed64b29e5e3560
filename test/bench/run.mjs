/**
 * What `npm run bench` runs: builds, then runs the benchmarks named on the command line, or all of them.
 *
 * Figures are ratios of things measured side by side in one run; absolute numbers are of this machine only.
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { PROJECT, checkNode, compile, installPackages } from "../../bin/prepare.mjs";

checkNode();
installPackages();
compile();
await import(pathToFileURL(join(PROJECT, "dist", "test", "bench", "main.js")).href);
