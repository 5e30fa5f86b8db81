/** Finding out whether a host can be reached. */

const TIMEOUT_MS = 10_000;

/** Return whether a host answers at all; even a refusal counts, which CORS does not hide. */
export async function isReachable(address: string): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    await fetch(address, { method: "HEAD", mode: "no-cors", cache: "no-store", signal });
    return true;
  } catch {
    return false;
  }
}
