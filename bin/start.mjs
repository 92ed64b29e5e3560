/**
 * What `npm start` runs: makes a fresh clone ready, then becomes `kerbstone start`.
 *
 * The program runs in this very process, so that arguments, signals and the exit code need no passing on.
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { PROJECT, buildPrograms, checkNode, installPackages } from "./prepare.mjs";

checkNode();
installPackages();
buildPrograms();

const program = join(PROJECT, "dist", "bin", "kerbstone.js");
process.argv = [process.execPath, program, "start", ...process.argv.slice(2)];
await import(pathToFileURL(program).href);
