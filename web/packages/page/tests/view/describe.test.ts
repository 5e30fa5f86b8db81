import { type Copy, Problem } from "@onecopy/client";
import { describe, expect, it } from "vitest";
import {
  type Detail,
  type Item,
  Selection,
  STATES,
  type State,
} from "../../src/upload/selection.ts";
import { describeDetail, describeState, MARKS } from "../../src/view/describe.ts";
import { describeLoadError } from "../../src/view/load-error.ts";

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

describe("states", () => {
  it("all have a shape and a name of their own", () => {
    expect(new Set(STATES.map((state) => MARKS[state])).size).toBe(STATES.length);
    expect(new Set(STATES.map((state) => describeState(item(state)))).size).toBe(STATES.length);
  });

  it("show their progress", () => {
    expect(describeState(item("sending", {}, 2))).toBe("sending 50%");
    expect(describeState(item("sending", { reason: "completing" }, 4))).toBe("finishing");
    expect(describeState(item("placing", {}, 3))).toBe("being added here 75%");
  });
});

describe("details", () => {
  it("name the stored copy and its date", () => {
    const text = describeDetail(item("duplicate", { copy: COPY }));
    expect(text).toBe("Stored as photos/2019/rome-12.jpg since 12 March 2020");
  });

  it("name the equal file of the selection until it is stored", () => {
    const text = describeDetail(item("duplicate", { leader: item("sending") }));
    expect(text).toBe("Same content as in/a.jpg in this selection");
  });

  it("say that a content is on a list, which names no copy", () => {
    const known = item("duplicate", { reason: "listed" });
    expect(describeState(known)).toBe("already known");
    expect(describeDetail(known)).toBe("On your list of checksums");
    const doubtful = describeDetail(item("unconfirmed", { reason: "listed" }));
    expect(doubtful).toContain("list of checksums");
  });

  it("name the only copy of a new file, which is in the trash", () => {
    const odd = item("new", { reason: "in-trash", copy: { ...COPY, key: "@eaDir/\u202egpj.exe" } });
    expect(describeDetail(odd)).toContain("folder: @eaDir/\\u202egpj.exe");
    const inTrash = item("new", { reason: "in-trash", copy: COPY });
    expect(describeDetail(inTrash)).toContain("trash or snapshot folder: photos/2019/rome");
    expect(describeState(inTrash)).toBe("new");
    expect(describeDetail(item("new"))).toBe("");
  });

  it("count the stored files that may be the same as a new one, and were not examined", () => {
    const uncertain = item("new", { unexamined: 1_936 });
    expect(describeDetail(uncertain)).toBe(
      "Not certain: 1,936 stored files of this size were not examined. To be sure, ask the operator " +
        "to run `onecopy scan --describe`, and choose this file again",
    );
    const one = item("new", { reason: "in-trash", copy: COPY, unexamined: 1 });
    expect(describeDetail(one)).toMatch(/trash.*\. Not certain: 1 stored file of this size was/);
    expect(describeState(uncertain)).toBe("new");
  });

  it("say why a file could not be checked", () => {
    const text = describeDetail(item("unconfirmed", { reason: "read-limit" }));
    expect(text).toContain("onecopy scan");
    const message = "compute md5 as well to compare them";
    const needed = item("unconfirmed", { reason: "digest-needed", message });
    expect(describeDetail(needed)).toContain("onecopy scan --read missing");
  });

  it("say how far a stored copy has been read", () => {
    const reading = item("checking", { reason: "confirming" }, 1);
    expect(describeState(reading)).toBe("being verified 25%");
    expect(describeDetail(reading)).toContain("being read");
    expect(describeState(item("checking"))).toBe("checking");
    expect(describeDetail(item("checking"))).toBe("");
    const open = describeDetail(item("unconfirmed", { reason: "confirming" }));
    expect(open).toContain("still being read");
  });

  it("say that somebody else uploads the same content", () => {
    const waiting = item("checking", { reason: "uploading" });
    expect(describeState(waiting)).toBe("waiting for another upload");
    expect(describeDetail(waiting)).toContain("uploaded elsewhere");
    const open = describeDetail(item("unconfirmed", { reason: "uploading" }));
    expect(open).toContain("uploaded elsewhere");
  });

  it("say what to do about known failures", () => {
    const text = describeDetail(item("failed", { reason: "cors-missing", message: "0" }));
    expect(text).toContain("onecopy doctor --fix-cors");
  });

  it.each(["busy", "upload-slow", "upload-stalled", "part-superseded"])(
    "explain a service that refuses bytes: %s",
    (reason) => {
      const text = describeDetail(item("failed", { reason, message: "0" }));
      expect(text).toMatch(/try again/i);
    },
  );

  it.each<[string, string]>([
    ["413", "answered with status 413: the request is too large for it"],
    ["503", "answered with status 503. Try again later"],
  ])("name a proxy that answers %s", (status, text) => {
    const message = `the service answered with status ${status}`;
    const failed = describeDetail(item("failed", { reason: `http-${status}`, message }));
    expect(failed).toContain("A proxy in front of the service");
    expect(failed).toContain(text);
    expect(describeLoadError(new Problem(Number(status), `http-${status}`, message))).toBe(failed);
  });

  it("show the numbers of a quota", () => {
    const message = "no room for 5 bytes";
    const text = describeDetail(item("failed", { reason: "quota-exceeded", message }));
    expect(text).toBe(message);
  });

  it("show the service's message for other reasons, and the reason if there is no message", () => {
    const strange = item("unconfirmed", { reason: "strange", message: "It is strange." });
    expect(describeDetail(strange)).toBe("It is strange.");
    expect(describeDetail(item("unconfirmed", { reason: "strange" }))).toContain("(strange)");
  });
});
