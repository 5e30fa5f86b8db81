/**
 * What can go wrong with a request.
 *
 *     ServiceError
 *     ├── Unreachable   no answer: the network, or the service is gone
 *     ├── Problem       the service's own word (RFC 9457), with a stable `reason`
 *     └── SignInFailed  nobody was signed in; the message is for people
 */

export class ServiceError extends Error {}

/** No answer came. */
export class Unreachable extends ServiceError {
  override name = "Unreachable";
}

/** Where people sign in, something was refused, or is not as it must be. */
export class SignInFailed extends ServiceError {
  override name = "SignInFailed";
}

/** The answer is a problem document. */
export class Problem extends ServiceError {
  override name = "Problem";
  readonly status: number;
  readonly reason: string;
  /** Milliseconds after which the service wants to be asked again; null if it does not say. */
  readonly retryAfter: number | null;

  constructor(status: number, reason: string, detail: string, retryAfter: number | null = null) {
    super(detail);
    this.status = status;
    this.reason = reason;
    this.retryAfter = retryAfter;
  }

  /** Whether the same request may work in a moment. */
  get passing(): boolean {
    if ([408, 425, 429, 503, 504].includes(this.status)) return true;
    if (this.reason === "store-unavailable") return true;
    return this.status >= 500 && this.reason === `http-${this.status}`; // a gateway's
  }
}

/** Read an answer that is not 2xx; gateways on the way may answer without a problem document. */
export function readProblem(
  status: number,
  body: string,
  header: (name: string) => string | null,
): Problem {
  const { reason, title, detail } = parse(body);
  const text = detail || title || `the service answered with status ${status}`;
  return new Problem(
    status,
    reason || `http-${status}`,
    text,
    readRetryAfter(header("Retry-After")),
  );
}

function parse(body: string): { reason?: string; title?: string; detail?: string } {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== "object" || value === null) return {};
    const texts = Object.entries(value).filter(([, text]) => typeof text === "string");
    return Object.fromEntries(texts) as Record<string, string>;
  } catch {
    return {};
  }
}

/** Seconds or an HTTP date (RFC 9110, 10.2.3), as milliseconds from now. */
function readRetryAfter(text: string | null): number | null {
  if (text === null) return null;
  const seconds = Number(text);
  const wait = Number.isNaN(seconds) ? Date.parse(text) - Date.now() : seconds * 1000;
  return Number.isNaN(wait) ? null : Math.max(0, wait);
}
