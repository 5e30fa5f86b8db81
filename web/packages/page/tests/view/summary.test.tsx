// @vitest-environment happy-dom
import { render } from "preact";
import { describe, expect, it } from "vitest";
import { Selection } from "../../src/upload/selection.ts";
import { announce, Counters } from "../../src/view/summary.tsx";

function selection(unexamined: number): Selection {
  const made = new Selection();
  made.set(made.add(new File(["1234"], "a"), "a"), "new", { unexamined });
  made.set(made.add(new File(["1234"], "b"), "b"), "new");
  return made;
}

function counters(shown: Selection): string {
  const root = document.createElement("div");
  render(<Counters selection={shown} price={null} checkOnly={true} />, root);
  return root.textContent ?? "";
}

describe("the totals", () => {
  it("count the new files that are not certain", () => {
    expect(counters(selection(7))).toContain("new28 bytes to upload, 1 not certain");
    expect(announce(selection(7), false, "up")).toContain("2 new (1 of them not certain),");
  });

  it("say nothing about certainty if all is certain", () => {
    expect(counters(selection(0))).not.toContain("certain");
    expect(announce(selection(0), false, "up")).toContain("2 new,");
  });
});
