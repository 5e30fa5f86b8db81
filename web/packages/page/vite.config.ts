import { defineConfig, type Plugin } from "vite";

/** Lets the page be painted before its style sheet is there, which the script then applies. */
const laterStyle: Plugin = {
  name: "later-style",
  transformIndexHtml: {
    order: "post",
    handler: (html) => html.replace('rel="stylesheet"', 'rel="preload" as="style"'),
  },
};

/** Leaves out comments, which are for those who change the page. */
const withoutComments: Plugin = {
  name: "without-comments",
  transformIndexHtml: { order: "post", handler: (html) => html.replace(/\s*<!--.*?-->/gs, "") },
};

export default defineConfig({
  // Relative addresses, because the service may be served below any path of its host.
  base: "./",
  plugins: [laterStyle, withoutComments],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  worker: { format: "es" },
  build: {
    outDir: "../../../src/onecopy/page",
    emptyOutDir: true,
    // The page's Content-Security-Policy forbids data: URLs for scripts, styles and workers.
    assetsInlineLimit: 0,
    // One script and one style sheet for the first view: they are smaller than many, and without
    // styles of their own, the other views need no code that loads them.
    modulePreload: false,
    cssCodeSplit: false,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: "page", tags: ["$initial"] },
            // What the other views share: one script is smaller than three.
            { name: "shared", test: /use-width|preview\.ts|alternative/ },
          ],
        },
      },
    },
    license: { fileName: "licenses.md" },
  },
  server: { proxy: { "/v1": process.env["ONECOPY_SERVER"] ?? "http://127.0.0.1:8000" } },
});
