/** A tree of folders with an amount for each, and its layout as rectangles. */

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
export interface Tile extends Box {
  readonly tree: Tree;
  readonly inner: readonly Tile[];
}

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Height of a tile's name above its inner tiles. */
const NAME_HEIGHT = 26;
const GAP = 2;
/** Inner tiles are drawn only in tiles of this size, so that names stay readable. */
const [LEAST_WIDTH, LEAST_HEIGHT] = [90, 70];

/** Tiles of this shape have most room for a name. */
const GOLDEN_RATIO = (1 + Math.sqrt(5)) / 2;

/** Return the tiles of a tree's children, the largest first, with those of their children. */
export function layout(tree: Tree, width: number, height: number): readonly Tile[] {
  return tiles(tree, { x: 0, y: 0, width, height }, 2);
}

function tiles(tree: Tree, { x, y, width, height }: Box, levels: number): readonly Tile[] {
  const children = (tree.children ?? []).filter(({ value }) => value > 0);
  children.sort((one, other) => other.value - one.value);
  // Half of each gap is on either side of it; there is none at the edges.
  const box = { x: x - GAP / 2, y: y - GAP / 2, width: width + GAP, height: height + GAP };
  const values = children.map(({ value }) => value);
  const boxes = divide(values, tree.value, box);
  return boxes.map((each, at) => tile(children[at] as Tree, each, levels)).filter(isVisible);
}

function tile(tree: Tree, box: Box, levels: number): Tile {
  const [x, y] = [Math.round(box.x + GAP / 2), Math.round(box.y + GAP / 2)];
  const width = Math.round(box.x + box.width - GAP / 2) - x;
  const height = Math.round(box.y + box.height - GAP / 2) - y;
  const hasRoom = levels > 1 && width >= LEAST_WIDTH && height >= LEAST_HEIGHT;
  const below = { x: x + GAP, y: y + NAME_HEIGHT, width: width - 2 * GAP };
  const inside = { ...below, height: height - NAME_HEIGHT - GAP };
  return { tree, x, y, width, height, inner: hasRoom ? tiles(tree, inside, levels - 1) : [] };
}

/**
 * Divide a box among amounts, the largest first, into rows of rectangles that are not too narrow:
 * the squarified treemap of Bruls, Huizing and van Wijk. What is in none of the amounts stays free.
 */
function divide(values: readonly number[], total: number, box: Box): Box[] {
  if (values.length === 0) return [];
  if (box.width < box.height) return divide(values, total, turned(box)).map(turned);
  const row = firstRow(values, total, box);
  const sum = row.reduce((all, value) => all + value, 0);
  const width = (box.width * sum) / total;
  let { y } = box;
  const boxes = row.map((value) => {
    const height = (box.height * value) / sum;
    y += height;
    return { x: box.x, y: y - height, width, height };
  });
  const rest = { ...box, x: box.x + width, width: box.width - width };
  return [...boxes, ...divide(values.slice(row.length), total - sum, rest)];
}

/** Return the amounts of the first row: as many as don't make its worst shape worse. */
function firstRow(values: readonly number[], total: number, { width, height }: Box) {
  const [most = 0] = values;
  const stretch = width / height / (total * GOLDEN_RATIO);
  const worst = (sum: number, least: number) =>
    Math.max(most / (sum * sum * stretch), (sum * sum * stretch) / least);
  let [count, sum, least] = [1, most, most];
  for (const value of values.slice(1)) {
    if (worst(sum + value, value) > worst(sum, least)) break;
    [count, sum, least] = [count + 1, sum + value, value];
  }
  return values.slice(0, count);
}

function turned({ x, y, width, height }: Box): Box {
  return { x: y, y: x, width: height, height: width };
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
