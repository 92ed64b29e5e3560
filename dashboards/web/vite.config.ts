/**
 * Builds the page into dist/web, where the hub serves it from.
 *
 * Everything is a file of its own, nothing stands inline: the page lives under `Content-Security-Policy: default-src
 * 'self'`. `KERBSTONE_HUB=http://127.0.0.1:<port> npx vite dashboards/web` shows a running hub while the page is written.
 */
import preact from "@preact/preset-vite";
import { defineConfig, loadEnv } from "vite";
import { jsmpegNotice, jsmpegParts } from "./jsmpeg-parts.ts";

const HUB_PATHS = ["/api", "/checkpoint", "/tile", "/preview"];

export default defineConfig(({ mode }) => {
  const hub = loadEnv(mode, import.meta.dirname, "KERBSTONE_")["KERBSTONE_HUB"];
  return {
    root: import.meta.dirname,
    plugins: [preact(), jsmpegParts()],
    // Threads are bundled by plugins of their own.
    worker: {
      format: "es",
      plugins: () => [jsmpegParts()],
      rolldownOptions: { output: { banner: jsmpegNotice } },
    },
    build: {
      outDir: "../../dist/web",
      emptyOutDir: true,
      target: "es2022",
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      sourcemap: true,
      // The notices of the packages that are bundled; the thread begins with its own.
      license: { fileName: "licenses.md" },
    },
    server: hub === undefined ? {} : { proxy: proxyTo(hub) },
  };
});

/** Passes the hub's paths on, those of WebSockets too. */
function proxyTo(target: string): Record<string, { target: string; ws: boolean }> {
  return Object.fromEntries(HUB_PATHS.map((path) => [path, { target, ws: true }]));
}
