/** What a run avoided: the files that were not sent because they are already stored. */

import type { Avoided } from "../protocol/documents.ts";

/** Files in one report, as the service accepts them. */
const MAX_FILES = 1_000_000;

/** Return the reports on files of these sizes, in bytes; empty files avoid nothing. */
export function avoidedReports(all: readonly number[], maxFiles = MAX_FILES): Avoided[] {
  const reports: Avoided[] = [];
  const sizes = all.filter((size) => size > 0);
  for (let start = 0; start < sizes.length; start += maxFiles) {
    const files = sizes.slice(start, start + maxFiles);
    const [bytes, largest] = files.reduce(
      ([sum, max], size) => [sum + size, Math.max(max, size)],
      [0, 0],
    );
    reports.push({ files: files.length, bytes, largest });
  }
  return reports;
}
