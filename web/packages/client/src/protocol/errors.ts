/**
 * Errors of requests.
 *
 *     ServiceError
 *     ├── Unreachable   no answer: the network or the service is down
 *     ├── Problem       an error answer (RFC 9457), with a stable `reason`
 *     └── SignInFailed  the sign-in did not succeed; the message is for people
 */

export class ServiceError extends Error {}

/** There was no answer. */
export class Unreachable extends ServiceError {
  override name = "Unreachable";
}

/** The issuer refused the sign-in, or its answer is not acceptable. */
export class SignInFailed extends ServiceError {
  override name = "SignInFailed";
}

/** The answer was an error: a problem document of the service, or a status of something else. */
export class Problem extends ServiceError {
  override name = "Problem";
  readonly status: number;
  readonly reason: string;
  /** Milliseconds to wait before the next attempt, if the answer says so; otherwise null. */
  readonly retryAfter: number | null;

  constructor(status: number, reason: string, detail: string, retryAfter: number | null = null) {
    super(detail);
    this.status = status;
    this.reason = reason;
    this.retryAfter = retryAfter;
  }
}

/**
 * Return the Problem that an answer other than 2xx stands for. Gateways answer without a problem
 * document; their `reason` is `http-<status>`.
 */
export function readProblem(
  status: number,
  body: string,
  header: (name: string) => string | null,
): Problem {
  const { reason, title, detail } = parse(body);
  const text = detail || title || `status ${status}, probably of a proxy or gateway`;
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

/** Return a Retry-After of seconds or a date (RFC 9110, 10.2.3) as milliseconds from now. */
function readRetryAfter(text: string | null): number | null {
  if (text === null) return null;
  const seconds = Number(text);
  const wait = Number.isNaN(seconds) ? Date.parse(text) - Date.now() : seconds * 1000;
  return Number.isNaN(wait) ? null : Math.max(0, wait);
}
