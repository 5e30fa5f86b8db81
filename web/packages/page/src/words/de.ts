/** German. */

import { compare, files } from "./de/files.ts";
import { common, format, header, signIn } from "./de/page.ts";
import { failures, gateway, loadErrors, unconfirmed } from "./de/reasons.ts";
import { drop, list, summary } from "./de/upload.ts";
import { activity, charts, duplicates } from "./de/views.ts";
import type { Words } from "./en.ts";

export const de: Words = {
  activity,
  charts,
  common,
  compare,
  drop,
  duplicates,
  failures,
  files,
  format,
  gateway,
  header,
  list,
  loadErrors,
  signIn,
  summary,
  unconfirmed,
};
