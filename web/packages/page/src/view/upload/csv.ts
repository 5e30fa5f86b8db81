/** The result for each file as a table for spreadsheets. */

import type { Item } from "../../upload/selection.ts";
import { words } from "../../words/language.ts";
import { describeDetail, describeState } from "../describe.ts";

/** Return CSV (RFC 4180) with a row for each file, and headings. */
export function csvOf(items: readonly Item[]): string {
  const rows = [words.summary.end.headings, ...items.map(cells)];
  // Excel reads UTF-8 only if it begins with this mark.
  return `\ufeff${rows.map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;
}

function cells(item: Item): string[] {
  const { key, file, copy, digests } = item;
  return [
    key,
    String(file.size),
    describeState(item),
    copy?.key ?? "",
    copy?.stored_at ?? "",
    digests?.content ?? "",
    describeDetail(item),
  ];
}

/** Return a value in quotes if it needs them; no spreadsheet takes it for a formula. */
function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
