import { describe, expect, it } from "vitest";
import type { Copy } from "../../src/client/documents.ts";
import {
  type Detail,
  type Item,
  Selection,
  STATES,
  type State,
} from "../../src/upload/selection.ts";
import * as words from "../../src/view/words.ts";

const COPY: Copy = {
  key: "photos/2019/rome-12.jpg",
  size: 4,
  stored_at: "2020-03-12T12:00:00Z",
  recorded_at: "2020-03-12T12:00:01Z",
};

function item(state: State, detail: Partial<Detail> = {}, done = 0): Item {
  const selection = new Selection();
  const made = selection.add(new File(["1234"], "a.jpg"), "in/a.jpg");
  selection.set(made, state, detail);
  selection.change(made, { done });
  return made;
}

describe("numbers", () => {
  it.each([
    [0, "0 bytes"],
    [1, "1 byte"],
    [999, "999 bytes"],
    [1000, "1.0 KB"],
    [9_949, "9.9 KB"],
    [9_950, "10 KB"],
    [999_499, "999 KB"],
    [999_500, "1.0 MB"],
    [3_100_000, "3.1 MB"],
    [48.8 * 1e12, "49 TB"],
  ])("%d bytes are %s", (bytes, text) => {
    expect(words.size(bytes)).toBe(text);
  });

  it("never say 100 % before all is done", () => {
    expect(words.percent(999, 1000)).toBe("99 %");
    expect(words.percent(1000, 1000)).toBe("100 %");
    expect(words.percent(0, 0)).toBe("100 %");
  });

  it("are grouped, and money has cents", () => {
    expect(words.count(1_204_331)).toBe("1,204,331");
    expect(words.money(0.2208)).toBe("$0.22");
    expect(words.money(0.001)).toBe("less than $0.01");
    expect(words.money(0)).toBe("$0.00");
  });
});

describe("states", () => {
  it("all have a shape and a word of their own", () => {
    expect(new Set(STATES.map((state) => words.MARKS[state])).size).toBe(STATES.length);
    expect(new Set(STATES.map((state) => words.sayState(item(state)))).size).toBe(STATES.length);
  });

  it("tell how far they are", () => {
    expect(words.sayState(item("sending", {}, 2))).toBe("sending 50 %");
    expect(words.sayState(item("sending", { reason: "completing" }, 4))).toBe("finishing");
  });
});

describe("details", () => {
  it("name the copy that is there, and since when", () => {
    const text = words.sayDetail(item("duplicate", { copy: COPY }));
    expect(text).toBe("is photos/2019/rome-12.jpg, since 12 March 2020");
  });

  it("name the twin in the selection as long as there is no copy", () => {
    const text = words.sayDetail(item("duplicate", { twin: item("sending") }));
    expect(text).toBe("is the same as in/a.jpg in this selection");
  });

  it("say that a content is on a list, where nobody knows a copy", () => {
    const known = item("duplicate", { reason: "listed" });
    expect(words.sayState(known)).toBe("already known");
    expect(words.sayDetail(known)).toBe("is on your list of checksums");
    const doubtful = words.sayDetail(item("unconfirmed", { reason: "listed" }));
    expect(doubtful).toContain("list of checksums");
  });

  it("say why it is not known whether a content is there", () => {
    const text = words.sayDetail(item("unconfirmed", { reason: "read-limit" }));
    expect(text).toContain("onecopy scan");
  });

  it("say what to do about known failures", () => {
    const text = words.sayDetail(item("failed", { reason: "cors-missing", message: "0" }));
    expect(text).toContain("onecopy doctor --fix-cors");
  });

  it("pass on the service's word for others, and its reason if there is none", () => {
    const said = item("unconfirmed", { reason: "strange", message: "It is strange." });
    expect(words.sayDetail(said)).toBe("It is strange.");
    expect(words.sayDetail(item("unconfirmed", { reason: "strange" }))).toContain("(strange)");
  });
});

describe("interrupted uploads", () => {
  it.each([
    [["a"], "1 upload was interrupted: pick the same file again and it goes on."],
    [["a", "b"], "2 uploads were interrupted: pick the same files again and they go on."],
  ])("%o", (keys, text) => {
    expect(words.sayInterrupted(keys)).toBe(text);
  });
});
