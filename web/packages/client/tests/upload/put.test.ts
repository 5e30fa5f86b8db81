import { afterEach, describe, expect, it, vi } from "vitest";
import { Unreachable } from "../../src/protocol/errors.ts";
import { isRetryable } from "../../src/protocol/retry.ts";
import { put, readBucketProblem } from "../../src/upload/put.ts";

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

describe("an answer 200", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  /** Send a part that is answered with a body of this type. */
  function sent(type: string | null): Promise<string> {
    class Answered {
      readonly upload = {};
      readonly status = 200;
      readonly responseText = "text";
      onload = () => undefined;
      open() {}
      setRequestHeader() {}
      getResponseHeader(name: string) {
        return name === "Content-Type" ? type : null;
      }
      send() {
        this.onload();
      }
    }
    vi.stubGlobal("XMLHttpRequest", Answered);
    return put({
      method: "PUT",
      url: new URL("https://copies.example.org/v1/uploads/parts/1"),
      headers: {},
      body: new Blob(["x"]),
      signal: new AbortController().signal,
      onSent: () => undefined,
      readProblem: readBucketProblem,
    });
  }

  it.each([null, "application/json", "application/xml"])("of type %s is one", async (type) => {
    expect(await sent(type)).toBe("text");
  });

  it("that is a page comes from a network in between", async () => {
    await expect(sent("text/html; charset=utf-8")).rejects.toBeInstanceOf(Unreachable);
  });
});
