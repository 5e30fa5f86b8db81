/** Builds the package for npm into dist/. */

import { readFileSync } from "node:fs";
import { bundle, copy, declare, empty, manifest } from "../../packaging.mjs";

const { dependencies, peerDependencies } = JSON.parse(readFileSync("package.json"));

empty();
await bundle({ input: { index: "src/index.ts" }, external: [/^@onecopy\//, /^@uppy\//] });
declare();
manifest({ types: "./types/index.d.ts", sideEffects: false, dependencies, peerDependencies });
copy("README.md");
copy("../../../LICENSE");
