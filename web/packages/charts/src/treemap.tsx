/** Folders as rectangles whose area is an amount; each can be opened. */

import type { CSSProperties, JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { Alternative } from "./alternative.tsx";
import { share } from "./share.ts";
import { at, layout, type Tile, type Tree } from "./tree.ts";
import { useWidth } from "./use-width.ts";
import { words } from "./words.ts";

export type { Tree } from "./tree.ts";

interface Props {
  /** What the areas show, as `Wasted bytes by folder`. */
  readonly label: string;
  readonly tree: Tree;
  /** The folder that is open, as names from the root. */
  readonly path: readonly string[];
  readonly open: (path: readonly string[]) => void;
  /** Returns an amount in words. */
  readonly format: (value: number) => string;
  /** Headings of the table: name, amount and, if the tree has notes, the note. */
  readonly headings: readonly string[];
}

const [LEAST_HEIGHT, MOST_HEIGHT] = [280, 460];

export function Treemap(props: Props): JSX.Element {
  const { label, tree, path, open, format, headings } = props;
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const height = Math.min(MOST_HEIGHT, Math.max(LEAST_HEIGHT, width * 0.42));
  const folder = at(tree, path);
  const tiles = width > 0 ? layout(folder, width, height) : [];
  const children = folder.children ?? [];
  return (
    <div class="chart treemap">
      <Path tree={tree} path={path} open={open} />
      <div ref={box} class="tiles" style={{ height: `${height}px` }}>
        <Tiles key={path.join("\0")} {...{ label, tiles, path, open, format }} />
        {children.length === 0 && <p class="none">{words.noFolder}</p>}
      </div>
      {hasBlank(folder) && <p class="blank">{words.blank}</p>}
      {children.length > 0 && (
        <Alternative
          label={label}
          headings={[...headings.slice(0, 2), words.share, ...headings.slice(2)]}
          rows={children.map((each) => [
            each.name,
            format(each.value),
            share(each.value, folder.value),
            ...(headings.length > 2 ? [each.note ?? ""] : []),
          ])}
        />
      )}
    </div>
  );
}

/** Whether a part of this folder, or of one that is drawn in it, is in none of its children. */
function hasBlank({ children = [], value }: Tree, levels = 2): boolean {
  if (children.length === 0 || levels === 0) return false;
  const sum = children.reduce((all, child) => all + child.value, 0);
  return sum < value || children.some((child) => hasBlank(child, levels - 1));
}

/** The folders from the root to the open one. */
function Path({ tree, path, open }: Pick<Props, "tree" | "path" | "open">): JSX.Element {
  const names = [tree.name, ...path];
  return (
    <nav class="path" aria-label={words.openFolder}>
      <ol>
        {names.map((name, depth) => (
          <li key={names.slice(0, depth + 1).join("\0")}>
            <button
              type="button"
              {...(depth === path.length ? { "aria-current": "page" as const } : {})}
              onClick={() => open(path.slice(0, depth))}
            >
              <bdi>{name}</bdi>
            </button>
          </li>
        ))}
      </ol>
    </nav>
  );
}

interface TilesProps extends Pick<Props, "label" | "path" | "open" | "format"> {
  readonly tiles: readonly Tile[];
}

/** One stop of the Tab key; the arrow keys move between tiles, the largest first. */
function Tiles({ label, tiles, path, open, format }: TilesProps): JSX.Element {
  const [current, setCurrent] = useState(0);
  const list = useRef<HTMLUListElement>(null);
  const move = (to: number) => {
    setCurrent(to);
    list.current?.querySelectorAll("button")[to]?.focus();
  };
  const keydown = (event: KeyboardEvent) => {
    const to = target(event.key, current, tiles.length);
    if (to !== null) move(to);
    else if (event.key === "Escape" && path.length > 0) open(path.slice(0, -1));
    else return;
    event.preventDefault();
  };
  return (
    <ul ref={list} aria-label={label} onKeyDown={keydown}>
      {tiles.map((tile, number) => (
        <li key={tile.tree.name} class="tile" style={position(tile)}>
          <button
            type="button"
            tabIndex={number === current ? 0 : -1}
            title={describe(tile.tree, format)}
            onFocus={() => setCurrent(number)}
            onClick={() => open([...path, tile.tree.name])}
          >
            <Name tile={tile} format={format} />
          </button>
          <Inner tiles={tile.inner} parent={tile} />
        </li>
      ))}
    </ul>
  );
}

function target(key: string, current: number, count: number): number | null {
  if (key === "ArrowRight" || key === "ArrowDown") return Math.min(current + 1, count - 1);
  if (key === "ArrowLeft" || key === "ArrowUp") return Math.max(current - 1, 0);
  if (key === "Home") return 0;
  return key === "End" ? count - 1 : null;
}

/** The name and amount of a tile; those that do not fit are still read aloud. */
function Name({ tile, format }: { readonly tile: Tile } & Pick<Props, "format">): JSX.Element {
  const { width, height, tree } = tile;
  const fits = width >= 48 && height >= 22;
  return (
    <span class={fits ? "name" : "visually-hidden"}>
      <bdi>{tree.name}</bdi> <span class="amount">{format(tree.value)}</span>
    </span>
  );
}

/** The next level, as a hint of what opening the tile shows. */
function Inner({ tiles, parent }: { tiles: readonly Tile[]; parent: Tile }): JSX.Element {
  return (
    <div class="inner" aria-hidden="true">
      {tiles.map((tile) => (
        <div
          key={tile.tree.name}
          style={position({ ...tile, x: tile.x - parent.x, y: tile.y - parent.y })}
        >
          {tile.width >= 56 && tile.height >= 20 && <bdi>{tile.tree.name}</bdi>}
        </div>
      ))}
    </div>
  );
}

// An object, since a policy without 'unsafe-inline' forbids the attribute `style`.
function position({ x, y, width, height }: Omit<Tile, "tree" | "inner">): CSSProperties {
  return { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` };
}

function describe(tree: Tree, format: Props["format"]): string {
  return [tree.name, format(tree.value), tree.note].filter(Boolean).join(" · ");
}
