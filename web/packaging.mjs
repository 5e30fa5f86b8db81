/** What builds a package for npm into the folder dist/ of its sources. Run from there. */

import { execFileSync } from "node:child_process";
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const COMPILER = fileURLToPath(new URL("node_modules/typescript/bin/tsc", import.meta.url));

/** Bundlers and browsers find a worker by such an expression, so it has to name the built file. */
const WORKER = 'new URL("./worker.ts"';
const builtWorker = {
  name: "built-worker",
  transform: (code) =>
    code.includes(WORKER) ? { code: code.replace("worker.ts", "worker.js"), map: null } : null,
};

/** Remove what was built before. */
export function empty() {
  rmSync("dist", { recursive: true, force: true });
}

/**
 * Bundle modules into dist/, minified, since pages may use them without a bundler. The packages in
 * `external` are left out, `alias` names modules to use instead of others, and the rest are output
 * options.
 */
export async function bundle({ input, external = [], alias = {}, ...output }) {
  const built = await rolldown({ input, external, resolve: { alias }, plugins: [builtWorker] });
  const names = { entryFileNames: "[name].js", chunkFileNames: chunkName };
  await built.write({
    dir: "dist",
    format: "esm",
    minify: true,
    sourcemap: true,
    ...names,
    ...output,
  });
  await built.close();
}

/** Name a chunk after its package, if it comes from one. */
function chunkName({ name, moduleIds }) {
  const [, origin = name] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(moduleIds[0] ?? "") ?? [];
  return `${origin}.js`;
}

/** Write declarations of types, as tsconfig.dist.json says. */
export function declare() {
  const options = ["--project", "tsconfig.dist.json"];
  execFileSync(process.execPath, [COMPILER, ...options], { stdio: "inherit" });
}

/** Write dist/package.json: what package.json says of the package, its entry, and `more`. */
export function manifest({ types, ...more }) {
  const { name, version, description, license, type } = JSON.parse(readFileSync("package.json"));
  const exports = { ".": { types, default: "./index.js" } };
  const document = { name, version, description, license, type, exports, ...more };
  writeFileSync("dist/package.json", `${JSON.stringify(document, null, 2)}\n`);
}

/** Copy a file into dist/. */
export function copy(path, name = basename(path)) {
  copyFileSync(path, `dist/${name}`);
}
