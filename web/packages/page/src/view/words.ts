/** The page's words: what it says about a file, and the format of numbers and dates. */

import {
  type Copy,
  type Counts,
  type DuplicateGroup,
  type Duplicates,
  type DuplicatesSummary,
  ServiceError,
  type Share,
} from "@onecopy/client";
import type { Item, State } from "../upload/selection.ts";
import { nameInText, printable } from "./names.ts";

const NUMBER = new Intl.NumberFormat("en");
const DATE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric" });
const TIME = new Intl.DateTimeFormat("en-GB", { timeStyle: "short" });
const MONEY = new Intl.NumberFormat("en", { style: "currency", currency: "USD" });
const UNITS = ["bytes", "kB", "MB", "GB", "TB"];

/** Return a number as in `1,204,331`. */
export function count(number: number): string {
  return NUMBER.format(number);
}

/** Return a size as in `3.1 MB`: powers of 1,000, as storage is billed; at most three digits. */
export function size(bytes: number): string {
  let [amount, unit] = [bytes, 0];
  // 999.5 would be rounded to 1,000.
  for (; amount >= (unit === 0 ? 1000 : 999.5) && unit < UNITS.length - 1; unit++) amount /= 1000;
  const digits = unit > 0 && amount < 9.95 ? 1 : 0;
  return `${amount.toFixed(digits)} ${bytes === 1 ? "byte" : UNITS[unit]}`;
}

/** Return a share as in `99%`, rounded down so that 100% means all. */
export function percent(done: number, total: number): string {
  return `${total > 0 ? Math.floor((100 * Math.min(done, total)) / total) : 100}%`;
}

/** Return a date as in `12 March 2020`; an empty string if `text` is not a date. */
export function date(text: string): string {
  const time = Date.parse(text);
  return Number.isNaN(time) ? "" : DATE.format(time);
}

/** Return the time of day as in `09:31`; an empty string if `text` is not a date. */
export function time(text: string): string {
  const time = Date.parse(text);
  return Number.isNaN(time) ? "" : TIME.format(time);
}

/** Return an amount as in `$0.22`, or `less than $0.01`. */
export function money(dollars: number): string {
  return dollars > 0 && dollars < 0.01 ? "less than $0.01" : MONEY.format(dollars);
}

/** Split a key into its name and its folder. */
export function splitKey(key: string): { name: string; folder: string } {
  const slash = key.lastIndexOf("/");
  return { name: key.slice(slash + 1), folder: slash < 0 ? "" : key.slice(0, slash) };
}

/** A shape for each state, so that colour is not the only difference. */
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

/** Return the state of a file in a few words. */
export function describeState({ state, done, file, reason, copy, leader }: Item): string {
  switch (state) {
    case "queued":
      return "waiting";
    case "hashing":
      return `reading ${percent(done, file.size)}`;
    case "checking":
      if (reason === "uploading") return "waiting for another upload";
      return reason === "confirming" ? `confirming ${percent(done, file.size)}` : "checking";
    case "new":
      return "new";
    case "sending":
      return reason === "completing" ? "finishing" : `uploading ${percent(done, file.size)}`;
    case "uploaded":
      return "uploaded";
    case "duplicate":
      if (reason === "listed") return "already known";
      return copy === null && leader !== null ? "same as another file" : "already stored";
    case "taken":
      return "name taken";
    case "unconfirmed":
      return "not confirmed";
    case "failed":
      return "failed";
    case "skipped":
      return "skipped";
  }
}

/** Return the details of a file and what to do about it; empty if the state says everything. */
export function describeDetail(item: Item): string {
  switch (item.state) {
    case "duplicate":
      if (item.reason === "listed") return "On your list of checksums";
      return item.copy ? describeCopy(item.copy) : describeLeader(item.leader);
    case "taken":
      return (
        "Another file or folder is already stored under this name and won’t be overwritten. Upload " +
        "this file under another name, or skip it."
      );
    case "new":
      return describeNew(item);
    case "uploaded":
      return item.reason === "extra-copy" && item.copy
        ? "Stored as a second copy: the same content is also stored elsewhere."
        : "";
    case "unconfirmed":
      return explain(item, UNCONFIRMED, "It could not be checked whether this is already stored");
    case "failed":
      return explain(item, FAILURES, "The upload failed");
    case "checking":
      return CHECKING[item.reason ?? ""] ?? "";
    default:
      return "";
  }
}

function describeCopy({ key, stored_at }: Copy): string {
  const day = date(stored_at);
  const name = nameInText(key);
  return day === "" ? `Stored as ${name}` : `Stored as ${name} on ${day}`;
}

function describeNew({ reason, copy, unexamined }: Item): string {
  const files = unexamined === 1 ? "1 stored file" : `${count(unexamined)} stored files`;
  const details = [
    reason === "in-trash" && copy
      ? `Stored only in a trash or snapshot folder: ${nameInText(copy.key)}`
      : "",
    unexamined > 0
      ? `Not certain: ${files} of this size ${unexamined === 1 ? "was" : "were"} not examined. To ` +
        "be sure, ask the operator to run `onecopy scan --describe`, and choose this file again"
      : "",
  ];
  return details.filter((detail) => detail !== "").join(". ");
}

function describeLeader(leader: Item | null): string {
  return leader === null ? "" : `Same content as ${nameInText(leader.key)} in this selection`;
}

function explain(
  { reason, message }: Item,
  known: Readonly<Record<string, string>>,
  otherwise: string,
): string {
  if (known[reason ?? ""] !== undefined) return known[reason ?? ""] as string;
  if (message !== null) return printable(message);
  return reason ? `${otherwise} (${reason}).` : `${otherwise}.`;
}

/** Describe the interrupted uploads and how to resume them; there is at least one. */
export function describeInterrupted({ length }: readonly string[]): string {
  return length === 1
    ? "1 upload was interrupted. Choose the same file again to resume it."
    : `${count(length)} uploads were interrupted. Choose the same files again to resume them.`;
}

/** The views of the page, by their names in its address. */
export const VIEWS = { upload: "Upload", duplicates: "Duplicates", activity: "Activity" };

/** Return what duplicates take and cost; empty while they are being counted. */
export function describeAmount(duplicates: Duplicates | undefined): string {
  if (duplicates === undefined) return "being counted";
  const { wasted_bytes, wasted_per_month } = duplicates;
  return `${size(wasted_bytes)}, ${money(wasted_per_month)} a month`;
}

/** The pictures of where duplicates are, and the headings of their tables. */
export const WHERE = {
  root: "All folders",
  folders: "By folder",
  folderHeadings: ["folder", "wasted", "duplicates"],
  types: "By type",
  typeHeadings: ["type", "wasted", "duplicates"],
  ages: "By age",
  ageHeadings: ["age", "wasted", "duplicates"],
} as const;

/** Return a number of duplicates as in `1,204 duplicates`. */
export function describeDuplicates({ duplicates }: Pick<Share, "duplicates">): string {
  return duplicates === 1 ? "1 duplicate" : `${count(duplicates)} duplicates`;
}

/** Return an extension as in `.jpg`, or what is summed up instead. */
export function typeName(extension: string): string {
  if (extension === "*") return "others";
  return extension === "" ? "no extension" : printable(extension);
}

/** Return that nothing is stored twice: a title, and what it means. */
export function describeNothingTwice(files: number): [title: string, hint: string] {
  if (files === 0) {
    return [
      "Nothing is stored yet.",
      "Upload some files. What was stored without onecopy is found by the operator’s next scan.",
    ];
  }
  return [
    "Nothing is stored twice.",
    files === 1
      ? "Only one file is stored."
      : `No two of the ${count(files)} stored files are known to have the same content.`,
  ];
}

/** Describe when duplicates were counted, and what counts as one. */
export function describeCounted({ as_of = "", counting, partial, likely }: DuplicatesSummary) {
  if (partial) return "Found so far. All files are being counted.";
  const again = counting ? ", and being counted again" : "";
  const missing =
    likely === undefined && !counting
      ? " Likely duplicates could not be counted: ask the operator to look into the service’s log."
      : "";
  const rule = "Duplicates are all copies of a content but the oldest one.";
  return `Counted at ${time(as_of)}${again}. ${rule}${missing}`;
}

/** The kinds of groups, and what they are. */
export const DUPLICATE_KINDS = {
  proved: { name: "Proved", hint: "These files have the same content: it was compared." },
  likely: {
    name: "Likely",
    hint:
      "These files have the same size and the same ETag or checksum, but their contents were not " +
      "compared. To be sure, ask the operator to run `onecopy scan --read missing`.",
  },
};

/** Describe a group of files as in `3 files of 2.4 MB`. */
export function describeGroup({ objects, size: bytes }: DuplicateGroup): string {
  return `${count(objects)} files of ${size(bytes)}`;
}

/** Return what a group wastes. */
export function describeWasted({ wasted_bytes, wasted_per_month }: DuplicateGroup): string {
  return `${size(wasted_bytes)} wasted, ${money(wasted_per_month)} a month`;
}

/** Return how many copies of a group are not shown; empty if all are. */
export function describeMoreCopies({ objects, copies }: DuplicateGroup): string {
  const more = objects - copies.length;
  return more > 0 ? `and ${count(more)} more` : "";
}

/** Return what was uploaded or avoided, as in `1.2 GB`. */
export function describeUploaded({ uploaded_bytes }: Counts): string {
  return size(uploaded_bytes);
}

/** Return what was not uploaded, and what that saves. */
export function describeAvoided({ avoided_bytes, saved_per_month }: Counts): string {
  return `${size(avoided_bytes)} not uploaded, saves ${money(saved_per_month)} a month`;
}

/** The time lines of activity, and the headings of their tables. */
export const ACTIVITY = {
  day: "By day",
  month: "By month",
  avoided: "Not uploaded, because it was already stored",
  uploaded: "Uploaded",
  headings: { day: ["day", "bytes", "files"], month: ["month", "bytes", "files"] },
} as const;

/** Return a number of files as in `1,204 files`. */
export function describeFiles(files: number): string {
  return files === 1 ? "1 file" : `${count(files)} files`;
}

/** Return why something could not be loaded, and what to do. */
export function describeLoadError(error: unknown): string {
  if (!(error instanceof ServiceError)) return "Something went wrong. Reload the page.";
  const reason = (error as { reason?: string }).reason ?? "";
  return LOAD_ERRORS[reason] ?? printable(error.message);
}

const LOAD_ERRORS: Readonly<Record<string, string>> = {
  "not-allowed": "Your token does not allow this. Use a token with the scope `read`.",
  "duplicates-unavailable":
    "This service can’t list duplicates: its index would have to be read as a whole. Ask the " +
    "operator to run `onecopy report`.",
  "index-unavailable": "The index is unavailable. Try again later.",
  "copy-unknown": "This file is no longer stored under this name.",
};

const CHECKING: Readonly<Record<string, string>> = {
  confirming: "A stored file of the same size may match, and is being read to find out",
  uploading: "The same content is being uploaded elsewhere; this file waits for a minute at most",
};

const BYTES_DIFFER = "The file changed while it was uploaded. Choose it again.";

const UNCONFIRMED: Readonly<Record<string, string>> = {
  confirming:
    "A stored file of the same size may match, and is still being read to find out. Choose this " +
    "file again later, or upload it.",
  "store-archived":
    "A stored file of the same size may match, but is archived. Upload this file, or ask the " +
    "operator to restore the stored one and then choose it again.",
  listed:
    "This content is on your list of checksums, which does not say where a copy is stored. " +
    "Upload it to be sure.",
  "read-limit":
    "A stored file of the same size may match, but is too large to be read now. Upload this file, " +
    "or ask the operator to run `onecopy scan --read missing` and then choose it again.",
  "copy-changed":
    "A stored file that may match is being modified. Choose this file again later, or upload it.",
  "store-unavailable":
    "The store is unavailable, so this could not be checked. Choose the file again later.",
  "store-forbidden":
    "The store denied access to the service, so this could not be checked. Ask the operator " +
    "to run `onecopy doctor`.",
  "store-expiring":
    "The only stored copy will soon be deleted by a lifecycle rule of the bucket. Upload this file " +
    "to keep it.",
  "index-unavailable":
    "The index is unavailable, so this could not be checked. Choose the file again later.",
  "index-forbidden":
    "The index denied access to the service, so this could not be checked. Ask the operator to " +
    "check its permissions.",
  "digest-needed":
    "A stored file of the same size may match, but can’t be compared with this one. Upload this " +
    "file, or ask the operator to run `onecopy scan --read missing` and then choose it again.",
  uploading:
    "The same content is being uploaded elsewhere. Choose this file again later, or upload it.",
  "digest-mismatch": BYTES_DIFFER,
};

const FAILURES: Readonly<Record<string, string>> = {
  "file-changed": "The file can’t be read, or changed after you chose it. Choose it again.",
  "file-unreadable":
    "The file can’t be read. Check its permissions, and whether it is open elsewhere; then choose " +
    "it again.",
  "digest-mismatch": BYTES_DIFFER,
  "cors-missing":
    "The bucket’s CORS rules don’t allow uploads from this page. Ask the operator to run " +
    "`onecopy doctor --fix-cors --origin` with this page’s address, then try again.",
  "store-forbidden": "The bucket refused the upload. Ask the operator to run `onecopy doctor`.",
  "store-unreachable":
    "The connection to the bucket failed repeatedly. Check your network, then try again.",
  "store-unavailable": "The bucket is unavailable. Try again later.",
  busy: "Too many uploads are in progress. Try again in a minute.",
  "upload-slow": "The connection is too slow for this file. Try again over a faster one.",
  "upload-stalled": "The connection stopped for a minute. Try again.",
  "part-superseded":
    "The same file is being uploaded elsewhere, as in another tab. Let that upload finish, then try " +
    "again.",
  "store-full": "The store is full. Free some space, then try again.",
  "not-allowed": "Your token does not allow uploads. Use a token with the scope `upload`.",
  "key-too-long":
    "The name with its folders is too long (limit 1,024 bytes). Shorten it, then choose the file " +
    "again.",
  "key-control": "The name contains control characters. Rename the file, then choose it again.",
  "key-not-utf-8": "The name is not valid UTF-8. Rename the file, then choose it again.",
  "key-reserved":
    "The folder name .onecopy is reserved. Rename the folder, then choose the file again.",
};
