/** Small pictures of chosen images and videos, made from the files themselves. */

import { Limiter } from "@onecopy/client";
import { mediaOf } from "./media.ts";

/** Pixels; a picture is shown at half of it, for sharp screens. */
const WIDTH = 96;
/** Larger files take too long, or too much memory. */
const LARGEST_IMAGE_BYTES = 60_000_000;
const MAX_AT_ONCE = 2;
const MAX_KEPT = 400;
const VIDEO_TIMEOUT_MS = 8_000;

/** Makes pictures, a few at a time; the browser decodes them beside the page's own thread. */
export class Thumbnails {
  /** The pictures that were used last, and null for files without one. */
  readonly #kept = new Map<File, ImageBitmap | null>();
  readonly #limiter = new Limiter(MAX_AT_ONCE);

  /** Return the picture of a file; null if it has none. It is only valid until others are made. */
  async of(file: File, signal: AbortSignal): Promise<ImageBitmap | null> {
    const media = mediaOf(file.name);
    if (media !== "image" && media !== "video") return null;
    return await this.#limiter.run(async () => {
      const known = this.#kept.get(file);
      if (known !== undefined || signal.aborted) return known ?? null;
      const made = await (media === "image" ? imageOf(file) : frameOf(file)).catch(() => null);
      this.#keep(file, made);
      return made;
    });
  }

  #keep(file: File, picture: ImageBitmap | null): void {
    this.#kept.set(file, picture);
    const [[oldest, bitmap] = [null, null]] = this.#kept;
    if (this.#kept.size <= MAX_KEPT || oldest === null) return;
    this.#kept.delete(oldest);
    bitmap?.close();
  }
}

async function imageOf(file: File): Promise<ImageBitmap | null> {
  if (file.size > LARGEST_IMAGE_BYTES) return null;
  return await createImageBitmap(file, { resizeWidth: WIDTH, resizeQuality: "medium" });
}

/** Return a frame from shortly after a video's beginning, which is often black. */
async function frameOf(file: File): Promise<ImageBitmap> {
  const video = document.createElement("video");
  const url = URL.createObjectURL(file);
  try {
    video.muted = true;
    video.preload = "auto";
    video.src = url;
    await happens(video, "loadeddata");
    video.currentTime = Math.min(1, video.duration / 10);
    await happens(video, "seeked");
    return await createImageBitmap(video, { resizeWidth: WIDTH, resizeQuality: "medium" });
  } finally {
    video.removeAttribute("src");
    video.load(); // lets go of the file
    URL.revokeObjectURL(url);
  }
}

function happens(video: HTMLVideoElement, event: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = () => reject(new Error("the video can’t be shown"));
    video.addEventListener(event, () => resolve(), { once: true });
    video.addEventListener("error", fail, { once: true });
    setTimeout(fail, VIDEO_TIMEOUT_MS);
  });
}
