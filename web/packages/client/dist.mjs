/** Builds the package for npm into dist/. */

import { fileURLToPath } from "node:url";
import { bundle, copy, declare, empty, manifest } from "../../packaging.mjs";

empty();
await bundle({ input: { index: "src/public.ts" } });
// One file, because bundlers make a classic script of a worker, which can't load others on demand.
// It takes only what is used of hash-wasm, which the first bundle has found out.
await bundle({
  input: { worker: "src/digest/worker.ts" },
  alias: { "hash-wasm": fileURLToPath(new URL("dist/hash-wasm.js", import.meta.url)) },
  codeSplitting: false,
});
declare();
// What hash-wasm offers is in the bundles, so that a page can use them without a bundler.
manifest({ types: "./types/public.d.ts", sideEffects: ["./worker.js"] });
copy("README.md");
copy("../../../LICENSE");
copy("../../node_modules/hash-wasm/LICENSE", "hash-wasm.LICENSE");
