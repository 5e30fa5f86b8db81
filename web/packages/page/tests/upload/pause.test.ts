import { describe, expect, it, vi } from "vitest";
import { Pause } from "../../src/upload/pause.ts";

describe("a pause", () => {
  it("lets work through while there is none, and interrupts it when there is", async () => {
    const pause = new Pause();
    const changed = vi.fn();
    pause.subscribe(changed);
    const running = await pause.ready();
    expect(running.aborted).toBe(false);
    pause.pause();
    expect([running.aborted, pause.isPaused]).toEqual([true, true]);
    const later = pause.ready();
    const first = await Promise.race([later, "waits"]);
    expect(first).toBe("waits");
    pause.resume();
    expect((await later).aborted).toBe(false);
    expect(changed).toHaveBeenCalledTimes(2);
  });

  it("does not hold what is cancelled", async () => {
    const pause = new Pause();
    pause.pause();
    const control = new AbortController();
    const waiting = pause.ready(control.signal);
    control.abort(new Error("cancelled"));
    await expect(waiting).rejects.toThrow("cancelled");
  });
});
