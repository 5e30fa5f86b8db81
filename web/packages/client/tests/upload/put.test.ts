import { describe, expect, it } from "vitest";
import { isRetryable } from "../../src/protocol/retry.ts";
import { readBucketProblem } from "../../src/upload/put.ts";

function answer(code: string, message = "Words."): string {
  return `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`;
}

describe("a bucket's error answer", () => {
  it.each<[number, string, string, boolean]>([
    [404, "NoSuchUpload", "upload-unknown", false],
    [400, "BadDigest", "digest-mismatch", false],
    [400, "XAmzContentChecksumMismatch", "digest-mismatch", false],
    [400, "RequestTimeout", "store-unavailable", true],
    [400, "ExpiredToken", "ticket-expired", false],
    [400, "InvalidRequest", "store-refused", false],
    [401, "", "store-forbidden", false],
    [403, "AccessDenied", "store-forbidden", false],
    [403, "RequestTimeTooSkewed", "store-forbidden", false],
    [409, "ConditionalRequestConflict", "store-unavailable", true],
    [429, "", "store-unavailable", true],
    [500, "InternalError", "store-unavailable", true],
    [503, "SlowDown", "store-unavailable", true],
    [501, "NotImplemented", "store-refused", false],
    [507, "", "store-full", false],
  ])("%d %s means %s, retryable: %s", (status, code, reason, retryable) => {
    const problem = readBucketProblem(status, answer(code));
    expect([problem.status, problem.reason]).toEqual([status, reason]);
    expect(isRetryable(problem)).toBe(retryable);
  });

  it("is quoted if it is well-formed", () => {
    expect(readBucketProblem(403, answer("AccessDenied", "No.")).message).toBe(
      "the bucket answered 403 AccessDenied (No.)",
    );
    expect(readBucketProblem(403, "").message).toBe("the bucket answered 403");
    expect(readBucketProblem(403, "<html>").message).toBe("the bucket answered 403");
  });
});
