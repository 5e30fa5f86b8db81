import { defineConfig } from "vitest/config";

export default defineConfig({
  // Relative addresses: the service may lie below any path of its host.
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  worker: { format: "es" },
  build: {
    outDir: "../src/onecopy/page",
    emptyOutDir: true,
    // The page's Content-Security-Policy has no room for data: scripts, styles or workers.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    license: { fileName: "licenses.md" },
  },
  server: { proxy: { "/v1": process.env["ONECOPY_SERVER"] ?? "http://127.0.0.1:8000" } },
  test: { include: ["tests/**/*.test.{ts,tsx}"] },
});
