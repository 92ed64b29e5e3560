#!/usr/bin/env node
/**
 * What `npx kerbstone` starts: the built program, or one sentence where there is none yet.
 *
 * Plain JavaScript that is there before any build. npx remembers which commands a folder has when it is first asked there,
 * so a command that a build brings would stay unknown to it.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { PROJECT, checkNode, giveUp } from "./prepare.mjs";

checkNode();
const program = join(PROJECT, "dist", "bin", "kerbstone.js");
if (!existsSync(program)) giveUp("is not built yet: run `npm ci` and `npm run build` first.");
process.argv[1] = program;
await import(pathToFileURL(program).href);
