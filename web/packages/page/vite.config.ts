import { defineConfig } from "vite";

export default defineConfig({
  // Relative addresses, because the service may be served below any path of its host.
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  worker: { format: "es" },
  build: {
    outDir: "../../../src/onecopy/page",
    emptyOutDir: true,
    // The page's Content-Security-Policy forbids data: URLs for scripts, styles and workers.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    license: { fileName: "licenses.md" },
  },
  server: { proxy: { "/v1": process.env["ONECOPY_SERVER"] ?? "http://127.0.0.1:8000" } },
});
