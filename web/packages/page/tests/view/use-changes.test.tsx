// @vitest-environment happy-dom
import { Observable } from "@onecopy/client";
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { useChanges } from "../../src/view/use-changes.ts";

describe("a view that follows changes", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    render(null, document.body);
    vi.useRealTimers();
  });

  it("is drawn again soon, also after the computer’s clock was set back", async () => {
    const changes = new Observable();
    let value = 1;
    const View = () => {
      useChanges(changes.subscribe);
      return <p>{value}</p>;
    };
    const change = async (to: number) => {
      value = to;
      changes.notify();
      await act(() => vi.advanceTimersByTime(500));
    };
    await act(() => render(<View />, document.body));
    await change(2);
    expect(document.body.textContent).toBe("2");
    vi.setSystemTime(Date.now() - 3_600_000);
    await change(3);
    expect(document.body.textContent).toBe("3");
  });
});
