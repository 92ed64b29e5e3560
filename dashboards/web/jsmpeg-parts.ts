/**
 * Takes out of `@cycjimmy/jsmpeg-player` what the page uses, while it is built: demuxer, MPEG-1 decoder, canvas output.
 *
 * The package exports one object that holds everything, and styles its own buttons by an inline style when it is loaded,
 * which the page's Content-Security-Policy forbids. Neither buttons nor sound nor its WebAssembly (forbidden as well)
 * are wanted here: with the parts exported by name, the bundler leaves all of that out. A release of the package that
 * looks different inside fails the build.
 */

import { readFileSync } from "node:fs";
import type { Plugin } from "vite";

const PACKAGE = "@cycjimmy/jsmpeg-player";

const CHANGES = [
  ["styleInject(css_248z);", ""],
  // Threads have no window, and nobody asks how long decoding took.
  ["window.performance ? window.performance.now() / 1000 : Date.now() / 1000", "0"],
  ["export { JSMpeg as default };", "export { TS, MPEG1, CanvasRenderer };"],
] as const;

/** The plugin. */
export function jsmpegParts(): Plugin {
  return {
    name: "kerbstone-jsmpeg-parts",
    transform(code, id) {
      if (!id.includes(`/${PACKAGE}/`)) return null;
      let changed = code;
      for (const [before, after] of CHANGES) {
        if (changed.split(before).length !== 2) {
          throw new Error(`${PACKAGE} holds "${before}" not once; look at jsmpeg-parts.ts`);
        }
        changed = changed.replace(before, after);
      }
      // Nobody reads the map of somebody else's code.
      return { code: changed, map: null };
    },
    // Prebundled dependencies would pass this plugin by.
    config: () => ({ optimizeDeps: { exclude: [PACKAGE] } }),
  };
}

/** The package's notice as a comment, for the head of what holds parts of it. */
export function jsmpegNotice(): string {
  const file = new URL(`../../node_modules/${PACKAGE}/LICENSE`, import.meta.url);
  return `/*! ${PACKAGE}, after jsmpeg (https://github.com/phoboslab/jsmpeg)\n\n${readFileSync(file, "utf8").trim()}\n*/`;
}
