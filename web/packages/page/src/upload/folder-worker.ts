/** Entry point of the worker that reads folders: sends a group of their files for each message. */

import { type AnyHandle, filesOf } from "./folders.ts";
import type { Picked } from "./picked.ts";

let files: AsyncGenerator<Picked[]>;

addEventListener("message", ({ data }: MessageEvent<readonly AnyHandle[] | null>) => {
  if (data !== null) files = filesOf(data);
  files
    .next()
    .then((next) => postMessage(next))
    .catch(reportError);
});
