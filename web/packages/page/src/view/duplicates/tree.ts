/** Folders as a tree. */

import type { Tree } from "@onecopy/charts/treemap.tsx";
import type { Share } from "@onecopy/client";
import { words } from "../../words/language.ts";
import { nameText } from "../names.ts";
import { describeDuplicates } from "./describe.ts";

type Node = Tree & { readonly children: Node[] };

/** Return the tree of folders, of which parents come before their children; the root is first. */
export function treeOf(folders: readonly Share[]): Tree {
  const nodes = new Map<string, Node>();
  for (const share of folders) {
    const node = nodeOf(share);
    nodes.set(share.name, node);
    if (share.name !== "") nodes.get(parentOf(share.name))?.children.push(node);
  }
  return nodes.get("") ?? nodeOf({ name: "", duplicates: 0, wasted_bytes: 0 });
}

function nodeOf(share: Share): Node {
  const name = share.name.slice(share.name.lastIndexOf("/") + 1);
  return {
    name: share.name === "" ? words.duplicates.root : nameText(name),
    value: share.wasted_bytes,
    note: describeDuplicates(share),
    children: [],
  };
}

function parentOf(folder: string): string {
  return folder.slice(0, Math.max(0, folder.lastIndexOf("/")));
}
