/** The views of what is stored twice, and of what was uploaded. */

import { type ChartWords, english } from "@onecopy/charts/words.ts";
import type { Headings } from "../headings.ts";

export const charts: ChartWords = english;

export const duplicates = {
  title: "Duplicates",
  counting: "Counting",
  countingStored: "Counting what is stored…",
  beingCounted: "being counted",
  amount: (size: string, money: string) => `${size}, ${money} a month`,
  root: "All folders",
  folders: "By folder",
  types: "By type",
  ages: "By age",
  headings: {
    folder: ["folder", "wasted", "duplicates"] as Headings,
    type: ["type", "wasted", "duplicates"] as Headings,
    age: ["age", "wasted", "duplicates"] as Headings,
  },
  /** The service’s names of ages, if they read differently. */
  ageNames: {} as Readonly<Record<string, string>>,
  duplicates: (number: number, text: string) =>
    number === 1 ? "1 duplicate" : `${text} duplicates`,
  otherTypes: "others",
  noExtension: "no extension",
  nothingStored: [
    "Nothing is stored yet.",
    "Upload some files. What was stored without onecopy is found by the operator’s next scan.",
  ],
  nothingTwice: "Nothing is stored twice.",
  onlyOne: "Only one file is stored.",
  noTwo: (text: string) => `No two of the ${text} stored files are known to have the same content.`,
  foundSoFar: "Found so far. All files are being counted.",
  countedAt: (time: string, again: boolean) =>
    `Counted at ${time}${again ? ", and being counted again" : ""}.`,
  rule: "Duplicates are all copies of a content but the oldest one.",
  likelyMissing:
    "Likely duplicates could not be counted: ask the operator to look into the service’s log.",
  kinds: {
    proved: { name: "Proved", hint: "These files have the same content: it was compared." },
    likely: {
      name: "Likely",
      hint:
        "These files have the same size and the same ETag or checksum, but their contents were " +
        "not compared. To be sure, ask the operator to run `onecopy scan --read missing`.",
    },
  },
  totals: {
    duplicates: (number: number): string => (number === 1 ? "duplicate" : "duplicates"),
    likely: (number: number): string => (number === 1 ? "likely duplicate" : "likely duplicates"),
    files: (number: number): string => (number === 1 ? "file stored" : "files stored"),
  },
  largest: "The largest duplicates",
  more: "Show more",
  group: (text: string, size: string) => `${text} files of ${size}`,
  wasted: (size: string, money: string) => `${size} wasted, ${money} a month`,
  moreCopies: (text: string) => `and ${text} more`,
};

export const activity = {
  title: "Activity",
  sums: "Sums",
  day: "By day",
  month: "By month",
  avoided: "Not uploaded, because it was already stored",
  uploaded: "Uploaded",
  headings: { day: ["day", "bytes", "files"], month: ["month", "bytes", "files"] },
  totals: {
    avoided: (number: number): string => (number === 1 ? "upload avoided" : "uploads avoided"),
    uploaded: (number: number): string => (number === 1 ? "file uploaded" : "files uploaded"),
  },
  saves: (size: string, money: string) => `${size} not uploaded, saves ${money} a month`,
  nothing: "Nothing has been uploaded yet.",
  nothingHint:
    "This view shows, by day, what was uploaded, and what was not because it was already stored.",
};
