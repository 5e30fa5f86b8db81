/**
 * What a bucket's answers mean, which are XML: as `onecopy.send` reads them in Python.
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 */

import { Problem } from "./errors.ts";

const WRONG_BYTES = new Set(["BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch"]);
const PASSING = new Set([408, 409, 429, 500, 502, 503, 504]);

/** Read an answer that is not 2xx; a key that is taken (412) is for the caller to know. */
export function readBucketProblem(status: number, body: string): Problem {
  const code = /<Code>([A-Za-z]{1,100})<\/Code>/.exec(body)?.[1] ?? "";
  const said = /<Message>([^<]{1,300})<\/Message>/.exec(body)?.[1] ?? "";
  const detail = ["the bucket answered", status, code, said && `(${said})`].filter(Boolean);
  return new Problem(status, reasonFor(status, code), detail.join(" "));
}

function reasonFor(status: number, code: string): string {
  if (PASSING.has(status) || code === "RequestTimeout") return "store-unavailable";
  if (status === 404) return "upload-unknown";
  if (status === 507) return "store-full";
  // The role that signed the request has ended: another one signs it anew.
  if (code === "ExpiredToken") return "ticket-expired";
  if (WRONG_BYTES.has(code)) return "digest-mismatch";
  return status === 401 || status === 403 ? "store-forbidden" : "store-refused";
}
