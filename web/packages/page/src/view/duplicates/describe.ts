/** What the view of duplicates says about figures and groups. */

import type { DuplicateGroup, Duplicates, DuplicatesSummary, Share } from "@onecopy/client";
import { count, money, size, time } from "../../words/format.ts";
import { words } from "../../words/language.ts";
import { nameText, printable } from "../names.ts";

/** Return what duplicates take and cost; that they are being counted while they are. */
export function describeAmount(duplicates: Duplicates | undefined): string {
  if (duplicates === undefined) return words.duplicates.beingCounted;
  const { wasted_bytes, wasted_per_month } = duplicates;
  return words.duplicates.amount(size(wasted_bytes), money(wasted_per_month));
}

/** Return a number of duplicates as in `1,204 duplicates`. */
export function describeDuplicates({ duplicates }: Pick<Share, "duplicates">): string {
  return words.duplicates.duplicates(duplicates, count(duplicates));
}

/** Return an extension as in `.jpg`, or what is summed up instead. */
export function typeName(extension: string): string {
  const { otherTypes, noExtension } = words.duplicates;
  if (extension === "*") return otherTypes;
  return extension === "" ? noExtension : printable(extension);
}

/** Return an age in the language of the page. */
export function ageName(age: string): string {
  return words.duplicates.ageNames[age] ?? nameText(age);
}

/** Return that nothing is stored twice: a title, and what it means. */
export function describeNothingTwice(files: number): readonly string[] {
  const { nothingStored, nothingTwice, onlyOne, noTwo } = words.duplicates;
  if (files === 0) return nothingStored;
  return [nothingTwice, files === 1 ? onlyOne : noTwo(count(files))];
}

/** Describe when duplicates were counted, and what counts as one. */
export function describeCounted({ as_of = "", counting, partial, likely }: DuplicatesSummary) {
  const { foundSoFar, countedAt, rule, likelyMissing } = words.duplicates;
  if (partial) return foundSoFar;
  const missing = likely === undefined && !counting ? [likelyMissing] : [];
  const counted = countedAt(time(as_of), counting ?? false);
  return [counted, rule, words.common.notEmpty, ...missing].join(" ");
}

/** Describe a group of files as in `3 files of 2.4 MB`. */
export function describeGroup({ objects, size: bytes }: DuplicateGroup): string {
  return words.duplicates.group(count(objects), size(bytes));
}

/** Return what a group wastes. */
export function describeWasted({ wasted_bytes, wasted_per_month }: DuplicateGroup): string {
  return words.duplicates.wasted(size(wasted_bytes), money(wasted_per_month));
}

/** Return how many copies of a group are not shown; empty if all are. */
export function describeMoreCopies({ objects, copies }: DuplicateGroup): string {
  const more = objects - copies.length;
  return more > 0 ? words.duplicates.moreCopies(count(more)) : "";
}
