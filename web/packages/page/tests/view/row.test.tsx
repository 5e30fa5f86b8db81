// @vitest-environment happy-dom
import { render } from "preact";
import { afterEach, describe, expect, it } from "vitest";
import { Client } from "../../src/client/client.ts";
import { Hasher } from "../../src/digest/hasher.ts";
import { Connection } from "../../src/upload/connection.ts";
import { type Detail, type Item, Selection, type State } from "../../src/upload/selection.ts";
import { Unfinished } from "../../src/upload/unfinished.ts";
import { Uploader } from "../../src/upload/uploader.ts";
import { Row } from "../../src/view/row.tsx";
import { nobody } from "../upload/nobody.ts";

const ROOT = "http://127.0.0.1:9/";

/** The page's own collaborators; nothing here makes them ask the service. */
function collaborators() {
  const connection = new Connection(ROOT, sessionStorage, nobody);
  const selection = new Selection();
  const client = new Client({ root: ROOT });
  const unfinished = new Unfinished(ROOT, localStorage);
  const hasher = new Hasher();
  const uploader = new Uploader({ client, hasher, connection, selection, unfinished });
  return { selection, uploader };
}

function show(state: State, detail: Partial<Detail> = {}, key = "in/a.jpg") {
  const { selection, uploader } = collaborators();
  const item = selection.add(new File(["1234"], "a.jpg"), key);
  selection.set(item, state, detail);
  draw(item, uploader);
  return { item, selection, uploader };
}

function draw(item: Item, uploader: Uploader): void {
  render(<Row item={item} uploader={uploader} />, document.body);
}

function buttons(): (string | null)[] {
  return [...document.querySelectorAll("button")].map(({ textContent }) => textContent);
}

function copyAt(key: string): Partial<Detail> {
  const time = "2020-03-12T12:00:00Z";
  return { copy: { key, size: 4, stored_at: time, recorded_at: time } };
}

afterEach(() => {
  render(null, document.body);
});

describe("what can be done about a file", () => {
  it.each<[State, Partial<Detail>, string[]]>([
    ["hashing", {}, ["Cancel"]],
    ["sending", {}, ["Cancel"]],
    ["sending", { reason: "completing" }, []],
    ["new", {}, ["Upload"]],
    ["uploaded", {}, []],
    ["duplicate", copyAt("other.jpg"), ["Upload anyway"]],
    ["duplicate", copyAt("in/a.jpg"), ["Upload as a (2).jpg"]],
    ["taken", {}, ["Upload as a (2).jpg", "Skip"]],
    ["unconfirmed", {}, ["Upload", "Skip"]],
    ["failed", { reason: "file-changed" }, ["Try again"]],
    ["failed", { reason: "key-control" }, []],
    ["skipped", {}, []],
  ])("that is %s, %o", (state, detail, names) => {
    show(state, detail);
    expect(buttons()).toEqual(names);
  });

  it("is nothing where the service takes no uploads", () => {
    const { item, uploader } = show("duplicate", copyAt("other.jpg"));
    uploader.canUpload = false;
    draw(item, uploader);
    expect(buttons()).toEqual([]);
  });

  it("is to skip it", () => {
    const { item } = show("taken");
    [...document.querySelectorAll("button")].at(-1)?.click();
    expect(item.state).toBe("skipped");
  });
});

describe("another name", () => {
  it("is one that no file of the selection has", () => {
    const { item, selection, uploader } = show("taken");
    selection.add(new File([], "b"), "in/a (2).jpg");
    draw(item, uploader);
    expect(buttons()[0]).toBe("Upload as a (3).jpg");
  });

  it("counts on from the number that a name has already", () => {
    show("taken", {}, "in/a (2).jpg");
    expect(buttons()[0]).toBe("Upload as a (3).jpg");
  });
});

describe("a row", () => {
  it("shows names as text, whatever they hold", () => {
    show("queued", {}, "<img src=x onerror=alert(1)>");
    expect(document.querySelector("img")).toBeNull();
    expect(document.querySelector(".name")?.textContent).toContain("<img src=x");
  });
});
