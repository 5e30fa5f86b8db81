// @vitest-environment happy-dom
import { render } from "preact";
import { describe, expect, it, vi } from "vitest";
import { Pause } from "../../src/upload/pause.ts";
import { type Detail, Selection, type State } from "../../src/upload/selection.ts";
import { announce } from "../../src/view/upload/announcer.tsx";
import { Counters } from "../../src/view/upload/counters.tsx";
import { csvOf } from "../../src/view/upload/csv.ts";
import { describeEnd } from "../../src/view/upload/end.tsx";
import { Progress } from "../../src/view/upload/progress.tsx";

function selection(unexamined: number): Selection {
  return of(["new", "a", { unexamined }], ["new", "b", {}]);
}

/** Files of 4 bytes in these states, under these names. */
function of(...files: (readonly [State, string, Partial<Detail>])[]): Selection {
  const made = new Selection();
  for (const [state, key, detail] of files) {
    made.set(made.add(new File(["1234"], key), key), state, detail);
  }
  return made;
}

function counters(shown: Selection, price: number | null = null): string {
  const root = document.createElement("div");
  render(<Counters selection={shown} price={price} />, root);
  return root.textContent ?? "";
}

const time = "2020-03-12T12:00:00Z";
const copy = { key: "old/a.jpg", size: 4, stored_at: time, recorded_at: time };

describe("the totals", () => {
  it("count the new files that are not certain", () => {
    expect(counters(selection(7))).toContain("new28 bytes to send · 1 not certain");
    expect(announce(selection(7), "done", "up")).toContain("2 new (1 of them not certain),");
  });

  it("say nothing about certainty if all is certain", () => {
    expect(counters(selection(0))).not.toContain("certain");
    expect(announce(selection(0), "done", "up")).toContain("2 new,");
  });

  it("count what was placed as not sent, but not as saved", () => {
    const both = of(["duplicate", "a", { copy }], ["placed", "b", { copy }]);
    expect(counters(both, 2e9)).toContain("already stored28 bytes not sent · $8.00 a month saved");
  });

  it("say nothing of less than a cent", () => {
    expect(counters(of(["duplicate", "a", { copy }]), 2e6)).not.toContain("saved");
  });

  it("say in one sentence what needs the user", () => {
    const text = announce(of(["taken", "a", {}], ["skipped", "b", {}]), "paused", "up");
    expect(text).toBe(
      "Paused: 0 new, 0 already stored, 0 uploaded, 1 needs a decision, 1 skipped.",
    );
    expect(announce(of(), "working", "unreachable")).toContain("service can’t be reached");
  });
});

describe("the summary at the end", () => {
  it("has a sentence for each kind of result", () => {
    const all = of(
      ["uploaded", "a", {}],
      ["duplicate", "b", { copy }],
      ["placed", "c", { copy }],
      ["failed", "d", { reason: "busy" }],
      ["taken", "e", {}],
    );
    expect(describeEnd(all, 2e9)).toEqual([
      "1 file uploaded, 4 bytes.",
      "2 files already stored: 8 bytes not sent.",
      "That saves $8.00 a month.",
      "1 file added here too, copied within the store.",
      "1 file to decide.",
      "1 file failed.",
    ]);
    expect(describeEnd(of(["new", "a", {}]), null)).toEqual(["1 file new, 4 bytes; not uploaded."]);
  });

  it("is a table in which nothing is a formula, and every file has a row", () => {
    const files = of(
      ["duplicate", '=1+1 "x".csv', { copy: { ...copy, key: "@a,b" } }],
      ["new", "plain", {}],
    );
    const [, first, second, end] = csvOf(files.items).split("\r\n");
    expect(first).toBe(
      `"'=1+1 ""x"".csv",4,already stored,"'@a,b",${time},,"Stored as @a,b since 12 March 2020"`,
    );
    expect(second).toBe("plain,4,new,,,,");
    expect(end).toBe("");
    expect(csvOf([]).startsWith("\ufefffile,bytes")).toBe(true);
  });
});

describe("the progress", () => {
  it("says that work is paused while it waits for the service", () => {
    const root = document.createElement("div");
    const [pause, cancelAll] = [new Pause(), () => undefined];
    const sending = of(["sending", "a", {}]);
    const props = { selection: sending, pause, isBusy: true, checkOnly: false, cancelAll };
    render(<Progress {...props} isWaiting={true} />, root);
    expect(root.textContent).toBe("sending 0% · pausedPauseCancel all");
    render(<Progress {...props} isWaiting={false} />, root);
    expect(root.textContent).toBe("sending 0%PauseCancel all");
  });

  it("shows how far the store has copied what is added under another name", () => {
    const root = document.createElement("div");
    const [pause, cancelAll] = [new Pause(), () => undefined];
    const placing = of(["placing", "a", {}], ["placed", "b", {}], ["duplicate", "c", { copy }]);
    const [first] = placing.items;
    if (first !== undefined) placing.change(first, { done: 2 });
    const props = { pause, isBusy: true, isWaiting: false, checkOnly: false, cancelAll };
    render(<Progress {...props} selection={placing} />, root);
    expect(root.textContent).toBe("copying 75%PauseCancel all");
  });

  it("counts no file as unread that waits for another upload", () => {
    const root = document.createElement("div");
    const [pause, cancelAll] = [new Pause(), () => undefined];
    const waiting = of(["checking", "a", { reason: "uploading" }]);
    const [first] = waiting.items;
    if (first !== undefined) waiting.change(first, { done: 4 });
    const props = { pause, isBusy: true, isWaiting: false, checkOnly: false, cancelAll };
    render(<Progress {...props} selection={waiting} />, root);
    expect(root.textContent).toBe("PauseCancel all");
  });

  it("is in the title of the page, for people who are in another tab", async () => {
    const root = document.createElement("div");
    const [pause, cancelAll] = [new Pause(), () => undefined];
    const props = { pause, isWaiting: false, checkOnly: false, cancelAll };
    const half = of(["uploaded", "a", {}], ["queued", "b", {}]);
    render(<Progress {...props} selection={half} isBusy={true} />, root);
    await vi.waitFor(() => expect(document.title).toBe("66% · onecopy"));
    render(<Progress {...props} selection={half} isBusy={false} />, root);
    await vi.waitFor(() => expect(document.title).toBe("onecopy"));
  });
});
