/** What a browser shows of a stored file without running any of it, by the file's extension. */

export type Media = "image" | "video" | "audio";

/** The service sends these types, and the bytes of others as a download: see http/links.py. */
const MEDIA: Readonly<Record<string, Media>> = {
  avif: "image",
  gif: "image",
  jpeg: "image",
  jpg: "image",
  png: "image",
  webp: "image",
  mp4: "video",
  webm: "video",
  flac: "audio",
  m4a: "audio",
  mp3: "audio",
  ogg: "audio",
  wav: "audio",
};

/** Return the extension of a key in lower case; empty if it has none. */
export function extension(key: string): string {
  return /[^/]\.([a-z0-9]{1,12})$/i.exec(key)?.[1]?.toLowerCase() ?? "";
}

/** Return what a key names; undefined if it can only be downloaded. */
export function mediaOf(key: string): Media | undefined {
  const type = extension(key);
  return Object.hasOwn(MEDIA, type) ? MEDIA[type] : undefined;
}

/** Files that are read by people; more than these are text, but not many. */
const TEXTS =
  /^(bat|c|cfg|conf|cpp|cs|css|csv|go|h|htm|html|ics|ini|java|js|json|jsonl|log|markdown|md|php|ps1|py|r|rb|rs|rst|sh|sql|srt|svg|tex|toml|ts|tsv|tsx|txt|vcf|vtt|xhtml|xml|yaml|yml)$/;

/** Return whether a key names a text, which is shown as text even if a browser could run it. */
export function isText(key: string): boolean {
  return TEXTS.test(extension(key));
}
