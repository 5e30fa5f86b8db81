import { defineConfig } from "vite";

// For tests alone: pages build the charts that they import.
export default defineConfig({ oxc: { jsx: { runtime: "automatic", importSource: "preact" } } });
