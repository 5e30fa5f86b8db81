import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Result } from "../../src/protocol/documents.ts";
import { untilConfirmed } from "../../src/upload/confirming.ts";

const NEW: Result = { verdict: "new" };

function confirming(bytes_read?: number): Result {
  const open = { verdict: "unconfirmed", reason: "confirming" } as const;
  return bytes_read === undefined ? open : { ...open, bytes_read };
}

const UPLOADING: Result = { verdict: "unconfirmed", reason: "uploading" };

/** Return a question that has these answers in turn, the last again and again, and its times. */
function answers(...results: Result[]) {
  const times: number[] = [];
  const ask = async () => {
    times.push(Date.now());
    return { result: results[Math.min(times.length, results.length) - 1] as Result };
  };
  return { ask, times };
}

describe("a copy that is being read", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("is not asked for again once the result is decided", async () => {
    const { ask, times } = answers(NEW);
    expect((await untilConfirmed(ask)).result).toBe(NEW);
    expect(times).toHaveLength(1);
  });

  it("is asked for again, more and more rarely, and its progress is shown", async () => {
    const { ask, times } = answers(...[...Array(12).keys()].map(confirming), NEW);
    const shown: number[] = [];
    const decided = untilConfirmed(ask, { onConfirming: (bytes) => shown.push(bytes) });
    await vi.runAllTimersAsync();
    expect((await decided).result).toBe(NEW);
    expect(shown).toEqual([...Array(12).keys()]);
    const delays = times.slice(1).map((time, number) => time - (times[number] as number));
    expect(delays[0]).toBe(500);
    expect(delays.at(-1)).toBe(5000);
  });

  it("is given up if nothing moves for a minute", async () => {
    const { ask, times } = answers(confirming());
    const decided = untilConfirmed(ask);
    await vi.runAllTimersAsync();
    expect((await decided).result.reason).toBe("confirming");
    expect((times.at(-1) as number) - (times[0] as number)).toBeLessThan(66_000);
  });

  it("is given up within the same time if the clock is set back", async () => {
    const { ask, times } = answers(confirming());
    const decided = untilConfirmed(ask);
    await vi.advanceTimersByTimeAsync(30_000);
    vi.setSystemTime(Date.now() - 3_600_000);
    await vi.advanceTimersByTimeAsync(36_000);
    expect((await decided).result.reason).toBe("confirming");
    expect(times.length).toBeLessThan(30);
  });

  it("may be read after another upload has ended, which is waited for separately", async () => {
    const { ask, times } = answers(UPLOADING, confirming(1), UPLOADING, NEW);
    const shown: string[] = [];
    const decided = untilConfirmed(ask, {
      onConfirming: (bytes) => shown.push(`${bytes}`),
      onUploading: () => shown.push("uploading"),
    });
    await vi.runAllTimersAsync();
    expect((await decided).result).toBe(NEW);
    expect(shown).toEqual(["uploading", "1", "uploading"]);
    expect(times).toHaveLength(4);
  });

  it("is no longer waited for when the signal is aborted", async () => {
    const control = new AbortController();
    const decided = untilConfirmed(answers(confirming(1)).ask, { signal: control.signal });
    const failed = expect(decided).rejects.toThrow("enough");
    await vi.advanceTimersByTimeAsync(100);
    control.abort(new Error("enough"));
    await failed;
  });
});

describe("a content that somebody else uploads", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("is asked for every half second, also if that takes a minute", async () => {
    const { ask, times } = answers(...Array<Result>(120).fill(UPLOADING), NEW);
    const decided = untilConfirmed(ask);
    await vi.runAllTimersAsync();
    expect((await decided).result).toBe(NEW);
    expect((times.at(-1) as number) - (times[0] as number)).toBe(60_000);
  });

  it("is not waited for if a service never stops to answer so", async () => {
    const { ask, times } = answers(UPLOADING);
    const decided = untilConfirmed(ask);
    await vi.runAllTimersAsync();
    expect((await decided).result.reason).toBe("uploading");
    expect((times.at(-1) as number) - (times[0] as number)).toBe(90_000);
  });

  it("is no longer waited for when the signal is aborted", async () => {
    const control = new AbortController();
    const decided = untilConfirmed(answers(UPLOADING).ask, { signal: control.signal });
    const failed = expect(decided).rejects.toThrow("enough");
    await vi.advanceTimersByTimeAsync(100);
    control.abort(new Error("enough"));
    await failed;
  });
});
