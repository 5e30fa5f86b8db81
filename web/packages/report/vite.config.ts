import { defineConfig } from "vite";

// `vite build` makes the page of a report, `vite build --mode bench` the charts of a benchmark.
export default defineConfig(({ mode }) => {
  const [name, entry] = mode === "bench" ? ["bench", "src/bench.tsx"] : ["report", "src/main.tsx"];
  return {
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    define: { "process.env.NODE_ENV": JSON.stringify("production") },
    build: {
      outDir: "../../../src/onecopy/report/page",
      emptyOutDir: name === "report",
      // One script and one style, which are written into a file that opens offline.
      lib: { entry, formats: ["iife"], name, fileName: () => `${name}.js`, cssFileName: name },
      cssCodeSplit: false,
      license: { fileName: `${name}.licenses.md` },
    },
  };
});
