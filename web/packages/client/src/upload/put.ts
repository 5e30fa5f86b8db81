/** Sending the bytes of one signed request, and the meaning of a bucket's error answers. */

import { Problem, Unreachable } from "../protocol/errors.ts";
import { RETRYABLE_STATUSES } from "../protocol/retry.ts";

export interface Put {
  readonly method: string;
  readonly url: URL;
  /** All headers but the browser's own; cookies are never sent to another origin. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Blob | Uint8Array<ArrayBuffer>;
  readonly signal: AbortSignal;
  /** Called with the number of bytes of the body that have been sent so far. */
  readonly onSent: (bytes: number) => void;
  /** Return the Problem that an answer other than 2xx stands for. */
  readonly readProblem: (status: number, body: string, header: Header) => Problem;
}

type Header = (name: string) => string | null;

/** Browsers set these themselves, and refuse them from scripts. */
const BROWSER_HEADERS = new Set(["host", "content-length"]);
/** A connection without progress or an answer for this long counts as lost. */
const STALL_TIMEOUT_MS = 120_000;

const WRONG_BYTES_CODES = new Set(["BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch"]);
/** S3 also answers 409 while another conditional request for the same key is in progress. */
const S3_RETRYABLE_STATUSES: ReadonlySet<number> = new Set([...RETRYABLE_STATUSES, 409]);

/**
 * Send one request, and return the body of the answer. Throws the result of `readProblem`,
 * Unreachable (also if something in between answers with a page), and the signal's reason.
 *
 * It uses XMLHttpRequest because fetch reports no progress of an upload.
 */
export function put(request: Put): Promise<string> {
  const { method, url, headers, body, signal, onSent, readProblem } = request;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const xhr = new XMLHttpRequest();
    const stop = () => xhr.abort();
    const stopLater = () => setTimeout(stop, STALL_TIMEOUT_MS);
    let timer = stopLater();
    signal.addEventListener("abort", stop, { once: true });
    xhr.open(method, url);
    for (const [name, value] of Object.entries(headers)) {
      if (!BROWSER_HEADERS.has(name.toLowerCase())) xhr.setRequestHeader(name, value);
    }
    xhr.upload.onprogress = ({ loaded }) => {
      clearTimeout(timer);
      timer = stopLater();
      onSent(loaded);
    };
    const lost = () => reject(new Unreachable(`the connection to ${url.host} was lost`));
    xhr.onabort = () => (signal.aborted ? reject(signal.reason) : lost());
    xhr.onerror = lost;
    xhr.onload = () => {
      const header = (name: string) => xhr.getResponseHeader(name);
      const isSent = xhr.status >= 200 && xhr.status < 300;
      // Neither the service nor a bucket answers with a page, but the login page of a network does.
      if (isSent && header("Content-Type")?.startsWith("text/html")) lost();
      else if (isSent) resolve(xhr.responseText);
      else reject(readProblem(xhr.status, xhr.responseText, header));
    };
    xhr.onloadend = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
    };
    xhr.send(body);
  });
}

/**
 * Return the Problem that a bucket's answer stands for, as `onecopy.store.s3.put` does in Python.
 * The caller handles 412, a key that is taken.
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 */
export function readBucketProblem(status: number, body: string): Problem {
  const code = /<Code>([A-Za-z]{1,100})<\/Code>/.exec(body)?.[1] ?? "";
  const message = /<Message>([^<]{1,300})<\/Message>/.exec(body)?.[1] ?? "";
  const detail = ["the bucket answered", status, code, message && `(${message})`].filter(Boolean);
  return new Problem(status, reasonFor(status, code), detail.join(" "));
}

function reasonFor(status: number, code: string): string {
  if (S3_RETRYABLE_STATUSES.has(status) || code === "RequestTimeout") return "store-unavailable";
  if (status === 404) return "upload-unknown";
  if (status === 507) return "store-full";
  // The session of the role that signed the request has ended; the next request is signed by another one.
  if (code === "ExpiredToken") return "ticket-expired";
  if (WRONG_BYTES_CODES.has(code)) return "digest-mismatch";
  return status === 401 || status === 403 ? "store-forbidden" : "store-refused";
}
