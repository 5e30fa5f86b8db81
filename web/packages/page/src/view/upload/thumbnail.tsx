/** A small picture of a chosen file, made when it is in view; else its type. */

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { extension } from "../../upload/media.ts";
import type { Thumbnails } from "../../upload/thumbnails.ts";

/** CSS pixels. */
const SIDE = 40;
/** While the list is scrolled, rows appear for moments only. */
const DELAY_MS = 120;

interface Props {
  readonly file: File;
  readonly name: string;
  readonly thumbnails: Thumbnails | null;
}

export function Thumbnail({ file, name, thumbnails }: Props): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [isDrawn, setDrawn] = useState(false);
  useEffect(() => {
    if (thumbnails === null) return;
    const stop = new AbortController();
    const make = async () => {
      const picture = await thumbnails.of(file, stop.signal);
      if (picture === null || stop.signal.aborted || canvas.current === null) return;
      draw(canvas.current, picture);
      setDrawn(true);
    };
    const timer = setTimeout(() => void make(), DELAY_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [file, thumbnails]);
  return (
    <span class="thumb" aria-hidden="true">
      <canvas ref={canvas} width={2 * SIDE} height={2 * SIDE} hidden={!isDrawn} />
      {!isDrawn && extension(name).slice(0, 4)}
    </span>
  );
}

/** Fill the square with the middle of the picture. */
function draw(canvas: HTMLCanvasElement, picture: ImageBitmap): void {
  const scale = Math.max(canvas.width / picture.width, canvas.height / picture.height);
  const [width, height] = [picture.width * scale, picture.height * scale];
  const [left, top] = [(canvas.width - width) / 2, (canvas.height - height) / 2];
  canvas.getContext("2d")?.drawImage(picture, left, top, width, height);
}
