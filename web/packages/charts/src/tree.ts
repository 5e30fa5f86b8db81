/** A tree of folders with an amount for each, and its layout as rectangles. */

import { type HierarchyRectangularNode, hierarchy, treemap } from "d3-hierarchy";

export interface Tree {
  /** The folder's own name, without those above it. */
  readonly name: string;
  /** The amount in this folder and below it; at least the sum over its children. */
  readonly value: number;
  /** A second figure in words, such as `1,204 duplicates`. */
  readonly note?: string;
  readonly children?: readonly Tree[];
}

/** A rectangle in pixels; `inner` are those of its children. */
export interface Tile {
  readonly tree: Tree;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly inner: readonly Tile[];
}

/** Height of a tile's name above its inner tiles. */
const NAME_HEIGHT = 26;
const GAP = 2;
/** Inner tiles are drawn only in tiles of this size, so that names stay readable. */
const [LEAST_WIDTH, LEAST_HEIGHT] = [90, 70];

interface Trimmed {
  readonly tree: Tree;
  readonly children: readonly Trimmed[];
}

/** Return the tiles of a tree's children, the largest first, with those of their children. */
export function layout(tree: Tree, width: number, height: number): readonly Tile[] {
  // What is in a folder but in none of its children stays free.
  const root = hierarchy(trimmed(tree, 2), (node) => node.children).each((node) => {
    Object.assign(node, { value: node.data.tree.value });
  });
  root.sort((one, other) => other.data.tree.value - one.data.tree.value);
  const place = treemap<Trimmed>()
    .size([width, height])
    .round(true)
    .paddingInner(GAP)
    .paddingTop((node) => (node.depth === 1 ? NAME_HEIGHT : 0))
    .paddingRight((node) => (node.depth === 1 ? GAP : 0))
    .paddingBottom((node) => (node.depth === 1 ? GAP : 0))
    .paddingLeft((node) => (node.depth === 1 ? GAP : 0));
  return (place(root).children ?? []).map((node) => tile(node)).filter(isVisible);
}

function trimmed(tree: Tree, levels: number): Trimmed {
  const children = levels > 0 ? (tree.children ?? []).filter((child) => child.value > 0) : [];
  return { tree, children: children.map((child) => trimmed(child, levels - 1)) };
}

function tile(node: HierarchyRectangularNode<Trimmed>): Tile {
  const { x0: x, y0: y, x1, y1 } = node;
  const [width, height] = [x1 - x, y1 - y];
  const hasRoom = width >= LEAST_WIDTH && height >= LEAST_HEIGHT;
  const inner = hasRoom ? (node.children ?? []).map(tile).filter(isVisible) : [];
  return { tree: node.data.tree, x, y, width, height, inner };
}

function isVisible({ width, height }: Tile): boolean {
  return width >= 2 && height >= 2;
}

/** Return the tree at a path of names, or the deepest one on it. */
export function at(tree: Tree, path: readonly string[]): Tree {
  let found = tree;
  for (const name of path) {
    const next = found.children?.find((child) => child.name === name);
    if (!next) break;
    found = next;
  }
  return found;
}
