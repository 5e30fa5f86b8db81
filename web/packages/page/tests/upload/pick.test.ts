import { expect, it } from "vitest";
import { pickedFiles } from "../../src/upload/pick.ts";

it("sorts chosen files by name, since some systems give the one first that was clicked last", () => {
  const files = ["b", "c", "a"].map((name) => new File([], name));
  for (const file of files) Object.assign(file, { webkitRelativePath: "" });
  expect(pickedFiles(files).map(({ path }) => path)).toEqual([["a"], ["b"], ["c"]]);
});
