import { defineConfig } from "vite";

export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../../../src/onecopy/report/page",
    emptyOutDir: true,
    // One script and one style, which `onecopy report --html` writes into its page.
    lib: { entry: "src/main.tsx", formats: ["iife"], name: "report", fileName: () => "report.js" },
    cssCodeSplit: false,
    license: { fileName: "licenses.md" },
  },
});
