/** The page's words: what is said of a file, and how numbers and dates read. */

import type { Copy } from "../client/documents.ts";
import type { Item, State } from "../upload/selection.ts";

const NUMBER = new Intl.NumberFormat("en");
const DATE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric" });
const MONEY = new Intl.NumberFormat("en", { style: "currency", currency: "USD" });
const UNITS = ["bytes", "KB", "MB", "GB", "TB"];

/** `1,204,331` */
export function count(number: number): string {
  return NUMBER.format(number);
}

/** `3.1 MB`, in powers of 1,000 as storage is charged; at most three digits. */
export function size(bytes: number): string {
  let [amount, unit] = [bytes, 0];
  // 999.5 would round to 1,000.
  for (; amount >= (unit === 0 ? 1000 : 999.5) && unit < UNITS.length - 1; unit++) amount /= 1000;
  const digits = unit > 0 && amount < 9.95 ? 1 : 0;
  return `${amount.toFixed(digits)} ${bytes === 1 ? "byte" : UNITS[unit]}`;
}

/** Rounded down, so that 100 % means all. */
export function percent(done: number, total: number): string {
  return `${total > 0 ? Math.floor((100 * Math.min(done, total)) / total) : 100} %`;
}

/** `12 March 2020`; empty if it is no date. */
export function date(text: string): string {
  const time = Date.parse(text);
  return Number.isNaN(time) ? "" : DATE.format(time);
}

/** `$0.22`; less than a cent is said so. */
export function money(dollars: number): string {
  return dollars > 0 && dollars < 0.01 ? "less than $0.01" : MONEY.format(dollars);
}

/** A name, and the folder that it lies in. */
export function splitKey(key: string): { name: string; folder: string } {
  const slash = key.lastIndexOf("/");
  return { name: key.slice(slash + 1), folder: slash < 0 ? "" : key.slice(0, slash) };
}

/** Shapes, so that states are not told by colour alone. */
export const MARKS: Record<State, string> = {
  queued: "○",
  hashing: "◔",
  checking: "◑",
  new: "+",
  sending: "↑",
  uploaded: "✓",
  duplicate: "●",
  taken: "≠",
  unconfirmed: "?",
  failed: "!",
  skipped: "–",
};

/** Say a file's state in a few words. */
export function sayState({ state, done, file, reason }: Item): string {
  switch (state) {
    case "queued":
      return "waiting";
    case "hashing":
      return `reading ${percent(done, file.size)}`;
    case "checking":
      return "checking";
    case "new":
      return "new";
    case "sending":
      return reason === "completing" ? "finishing" : `sending ${percent(done, file.size)}`;
    case "uploaded":
      return "uploaded";
    case "duplicate":
      return reason === "listed" ? "already known" : "already there";
    case "taken":
      return "key taken";
    case "unconfirmed":
      return "not confirmed";
    case "failed":
      return "failed";
    case "skipped":
      return "skipped";
  }
}

/** Say what is behind a file's state, and what to do; empty if the state says it all. */
export function sayDetail(item: Item): string {
  switch (item.state) {
    case "duplicate":
      if (item.reason === "listed") return "is on your list of checksums";
      return item.copy ? `is ${sayCopy(item.copy)}` : sayTwin(item.twin);
    case "taken":
      return "Another file has this name, and nothing is ever overwritten.";
    case "uploaded":
      return item.reason === "extra-copy" && item.copy
        ? "as a second copy of the same content"
        : "";
    case "unconfirmed":
      return explain(item, UNCONFIRMED, "It could not be told whether this is already there.");
    case "failed":
      return explain(item, FAILURES, "This did not work.");
    default:
      return "";
  }
}

function sayCopy({ key, stored_at }: Copy): string {
  const since = date(stored_at);
  return since === "" ? key : `${key}, since ${since}`;
}

function sayTwin(twin: Item | null): string {
  return twin === null ? "" : `is the same as ${twin.key} in this selection`;
}

function explain(
  { reason, message }: Item,
  known: Readonly<Record<string, string>>,
  otherwise: string,
): string {
  return known[reason ?? ""] ?? message ?? (reason ? `${otherwise} (${reason})` : otherwise);
}

/** Say which uploads were interrupted, and what to do; there is at least one. */
export function sayInterrupted({ length }: readonly string[]): string {
  return length === 1
    ? "1 upload was interrupted: pick the same file again and it goes on."
    : `${count(length)} uploads were interrupted: pick the same files again and they go on.`;
}

const STORE_AWAY = "The store can't be asked just now, so it is not known whether this is there.";

const UNCONFIRMED: Readonly<Record<string, string>> = {
  listed: "It is on your list of checksums, which does not say where a copy is.",
  "read-limit":
    "A stored file of this size was never read, and is too large to be read now. Run " +
    "`onecopy scan`.",
  "copy-changed": "A stored file that may hold it changes just now, so it could not be read.",
  "store-unavailable": STORE_AWAY,
  "store-forbidden": "The store refuses the service: its permissions need a look.",
  "index-unavailable":
    "The index can't be asked just now, so it is not known whether this is there.",
  "digest-mismatch": "The bytes that arrived are not those that were read. Did the file change?",
};

const FAILURES: Readonly<Record<string, string>> = {
  "file-changed": "The file can't be read, or has changed since it was chosen. Choose it again.",
  "file-unreadable": "The file can't be read. Is it open elsewhere, or protected?",
  "digest-mismatch": "The bytes that arrived are not those that were read. Did the file change?",
  "cors-missing":
    "The bucket refused the upload: its CORS rules don't allow this page. Run " +
    "`onecopy doctor --fix-cors`.",
  "store-forbidden":
    "The bucket refused the upload: the service's permissions need a look. Run `onecopy doctor`.",
  "store-unreachable": "The connection to the bucket broke again and again.",
  "store-unavailable": "The bucket can't take it just now.",
  "store-full": "The store has no room left.",
  "not-allowed": "Your token does not allow uploads.",
  "key-too-long": "The name with its folders is too long: a store takes 1,024 bytes.",
  "key-control": "The name has control characters. Rename the file.",
  "key-not-utf-8": "The name is not UTF-8, and would not come back as it was. Rename the file.",
  "key-reserved": "A folder named .onecopy is the store's own, and can't be uploaded.",
};
