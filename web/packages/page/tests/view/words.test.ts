import type { Copy } from "@onecopy/client";
import { describe, expect, it } from "vitest";
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
    [1000, "1.0 kB"],
    [9_949, "9.9 kB"],
    [9_950, "10 kB"],
    [999_499, "999 kB"],
    [999_500, "1.0 MB"],
    [3_100_000, "3.1 MB"],
    [48.8 * 1e12, "49 TB"],
  ])("%d bytes are %s", (bytes, text) => {
    expect(words.size(bytes)).toBe(text);
  });

  it("never say 100% before all is done", () => {
    expect(words.percent(999, 1000)).toBe("99%");
    expect(words.percent(1000, 1000)).toBe("100%");
    expect(words.percent(0, 0)).toBe("100%");
  });

  it("are grouped, and money has cents", () => {
    expect(words.count(1_204_331)).toBe("1,204,331");
    expect(words.money(0.2208)).toBe("$0.22");
    expect(words.money(0.001)).toBe("less than $0.01");
    expect(words.money(0)).toBe("$0.00");
  });
});

describe("states", () => {
  it("all have a shape and a name of their own", () => {
    expect(new Set(STATES.map((state) => words.MARKS[state])).size).toBe(STATES.length);
    expect(new Set(STATES.map((state) => words.describeState(item(state)))).size).toBe(
      STATES.length,
    );
  });

  it("show their progress", () => {
    expect(words.describeState(item("sending", {}, 2))).toBe("uploading 50%");
    expect(words.describeState(item("sending", { reason: "completing" }, 4))).toBe("finishing");
  });
});

describe("details", () => {
  it("name the stored copy and its date", () => {
    const text = words.describeDetail(item("duplicate", { copy: COPY }));
    expect(text).toBe("Stored as photos/2019/rome-12.jpg on 12 March 2020");
  });

  it("name the equal file of the selection until it is stored", () => {
    const text = words.describeDetail(item("duplicate", { leader: item("sending") }));
    expect(text).toBe("Same content as in/a.jpg in this selection");
  });

  it("say that a content is on a list, which names no copy", () => {
    const known = item("duplicate", { reason: "listed" });
    expect(words.describeState(known)).toBe("already known");
    expect(words.describeDetail(known)).toBe("On your list of checksums");
    const doubtful = words.describeDetail(item("unconfirmed", { reason: "listed" }));
    expect(doubtful).toContain("list of checksums");
  });

  it("name the only copy of a new file, which is in the trash", () => {
    const odd = item("new", { reason: "in-trash", copy: { ...COPY, key: "@eaDir/\u202egpj.exe" } });
    expect(words.describeDetail(odd)).toContain("folder: @eaDir/\\u202egpj.exe");
    const inTrash = item("new", { reason: "in-trash", copy: COPY });
    expect(words.describeDetail(inTrash)).toContain("trash or snapshot folder: photos/2019/rome");
    expect(words.describeState(inTrash)).toBe("new");
    expect(words.describeDetail(item("new"))).toBe("");
  });

  it("count the stored files that may be the same as a new one, and were not examined", () => {
    const uncertain = item("new", { unexamined: 1_936 });
    expect(words.describeDetail(uncertain)).toBe(
      "Not certain: 1,936 stored files of this size were not examined. To be sure, ask the operator " +
        "to run `onecopy scan --describe`, and choose this file again",
    );
    const one = item("new", { reason: "in-trash", copy: COPY, unexamined: 1 });
    expect(words.describeDetail(one)).toMatch(
      /trash.*\. Not certain: 1 stored file of this size was/,
    );
    expect(words.describeState(uncertain)).toBe("new");
  });

  it("say why a file could not be checked", () => {
    const text = words.describeDetail(item("unconfirmed", { reason: "read-limit" }));
    expect(text).toContain("onecopy scan");
    const message = "compute md5 as well to compare them";
    const needed = item("unconfirmed", { reason: "digest-needed", message });
    expect(words.describeDetail(needed)).toContain("onecopy scan --read missing");
  });

  it("say how far a stored copy has been read", () => {
    const reading = item("checking", { reason: "confirming" }, 1);
    expect(words.describeState(reading)).toBe("confirming 25%");
    expect(words.describeDetail(reading)).toContain("being read");
    expect(words.describeState(item("checking"))).toBe("checking");
    expect(words.describeDetail(item("checking"))).toBe("");
    const open = words.describeDetail(item("unconfirmed", { reason: "confirming" }));
    expect(open).toContain("still being read");
  });

  it("say that another upload is waited for", () => {
    const waiting = item("checking", { reason: "uploading" });
    expect(words.describeState(waiting)).toBe("waiting for another upload");
    expect(words.describeDetail(waiting)).toContain("same content is being uploaded elsewhere");
    const open = words.describeDetail(item("unconfirmed", { reason: "uploading" }));
    expect(open).toContain("again later");
  });

  it("say what to do about known failures", () => {
    const text = words.describeDetail(item("failed", { reason: "cors-missing", message: "0" }));
    expect(text).toContain("onecopy doctor --fix-cors");
  });

  it.each(["busy", "upload-slow", "upload-stalled", "part-superseded"])(
    "explain a service that refuses bytes: %s",
    (reason) => {
      const text = words.describeDetail(item("failed", { reason, message: "0" }));
      expect(text).toMatch(/try again/i);
    },
  );

  it("show the numbers of a quota", () => {
    const message = "no room for 5 bytes";
    const text = words.describeDetail(item("failed", { reason: "quota-exceeded", message }));
    expect(text).toBe(message);
  });

  it("show the service's message for other reasons, and the reason if there is no message", () => {
    const strange = item("unconfirmed", { reason: "strange", message: "It is strange." });
    expect(words.describeDetail(strange)).toBe("It is strange.");
    expect(words.describeDetail(item("unconfirmed", { reason: "strange" }))).toContain("(strange)");
  });
});

describe("interrupted uploads", () => {
  it.each([
    [["a"], "1 upload was interrupted. Choose the same file again to resume it."],
    [["a", "b"], "2 uploads were interrupted. Choose the same files again to resume them."],
  ])("%o", (keys, text) => {
    expect(words.describeInterrupted(keys)).toBe(text);
  });
});
