/** English, the language in which the page is written. */

import { compare, files } from "./en/files.ts";
import { common, format, header, signIn } from "./en/page.ts";
import { failures, gateway, loadErrors, unconfirmed } from "./en/reasons.ts";
import { drop, list, summary } from "./en/upload.ts";
import { activity, charts, duplicates } from "./en/views.ts";

/** Everything that the page says. Other languages have the same form. */
export type Words = typeof en;

export const en = {
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
