/** Following what the service counts of duplicates, from time to time. */

import { type Client, type DuplicatesSummary, sleep } from "@onecopy/client";

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 10_000;

/** Show the summary, and newer ones while they are being counted. */
export async function follow(
  client: Client,
  show: (summary: DuplicatesSummary) => void,
  signal: AbortSignal,
  maxDelay = MAX_DELAY_MS,
): Promise<void> {
  for (let delay = FIRST_DELAY_MS; ; delay = Math.min(2 * delay, maxDelay)) {
    const summary = await client.duplicates(signal);
    show(summary);
    if (!summary.counting) return;
    await sleep(delay, signal);
  }
}
