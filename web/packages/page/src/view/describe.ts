/** What the page says about a file: its state, its details and what to do. */

import type { Copy } from "@onecopy/client";
import type { Item, State } from "../upload/selection.ts";
import { count, date, percent } from "../words/format.ts";
import { words } from "../words/language.ts";
import { gatewayStatus } from "./load-error.ts";
import { nameInText, printable } from "./names.ts";

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
  placing: "◌",
  placed: "◉",
  taken: "≠",
  unconfirmed: "?",
  failed: "!",
  skipped: "–",
};

/** Return the state of a file in a few words. */
export function describeState(item: Item): string {
  const { state, done, file, reason } = item;
  const { states } = words.files;
  const share = percent(done, file.size);
  switch (state) {
    case "hashing":
      return states.hashing(share);
    case "checking":
      if (reason === "uploading") return states.waiting;
      return reason === "confirming" ? states.confirming(share) : states.checking;
    case "sending":
      return reason === "completing" ? states.completing : states.sending(share);
    case "placing":
      return states.placing(share);
    case "duplicate":
      return describeDuplicate(item);
    default:
      return states[state];
  }
}

function describeDuplicate({ reason, copy, leader }: Item): string {
  const { states } = words.files;
  if (reason === "listed") return states.listed;
  return copy === null && leader !== null ? states.follower : states.duplicate;
}

/** Return the details of a file and what to do about it; empty if the state says everything. */
export function describeDetail(item: Item): string {
  const { files } = words;
  switch (item.state) {
    case "duplicate":
      return describeStored(item);
    case "placed":
      return item.reason === "already-there" ? files.alreadyThere : files.placedFrom;
    case "taken":
      return files.taken;
    case "new":
      return describeNew(item);
    case "uploaded":
      return item.reason === "extra-copy" && item.copy ? files.extraCopy : "";
    case "unconfirmed":
      return explain(item, words.unconfirmed, files.couldNotCheck);
    case "failed":
      return explain(item, words.failures, files.uploadFailed);
    case "checking":
      return files.checking[item.reason ?? ""] ?? "";
    default:
      return "";
  }
}

function describeStored({ reason, copy, leader, remembered }: Item): string {
  const { files } = words;
  if (reason === "listed") return files.listed;
  const text = copy ? describeCopy(copy) : describeLeader(leader);
  return remembered ? `${text} (${files.notRead})` : text;
}

function describeCopy({ key, stored_at }: Copy): string {
  const { storedAs, storedSince } = words.files;
  const [name, day] = [nameInText(key), date(stored_at)];
  return day === "" ? storedAs(name) : storedSince(name, day);
}

function describeNew({ reason, copy, unexamined }: Item): string {
  const { inTrash, unexamined: notExamined } = words.files;
  const details = [
    reason === "in-trash" && copy ? inTrash(nameInText(copy.key)) : "",
    unexamined > 0 ? notExamined(unexamined, count(unexamined)) : "",
  ];
  return details.filter((detail) => detail !== "").join(". ");
}

function describeLeader(leader: Item | null): string {
  return leader === null ? "" : words.files.sameAs(nameInText(leader.key));
}

function explain(
  { reason, message }: Item,
  known: Readonly<Record<string, string>>,
  otherwise: string,
): string {
  if (known[reason ?? ""] !== undefined) return known[reason ?? ""] as string;
  const status = gatewayStatus(reason);
  if (status !== null) return words.gateway(status);
  if (message !== null) return printable(message);
  return reason ? `${otherwise} (${reason}).` : `${otherwise}.`;
}
