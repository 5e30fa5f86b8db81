/** Choosing files, totals and progress, the list and what can be done with all of it. */

export const drop = {
  region: "Add files",
  title: "Drop files or folders here",
  hint: "Each file is checked first. What is already stored is not sent.",
  chooseFiles: "Choose files",
  chooseFolder: "Choose a folder",
  into: "into",
  top: "the top folder",
  folderProblem:
    "This folder can’t be used. Use names that are separated by /, without control characters; " +
    "the names . and .. and .onecopy are reserved.",
  checkOnly: "Check only",
  firstVisit: {
    title: "How it works",
    lines: [
      ["Drop anything.", "Your browser reads each file, on your computer."],
      ["See what is already stored,", "whatever it is called there, and since when."],
      ["Only what is new is sent.", "Nothing that is stored is overwritten or deleted."],
    ],
  },
  again: "Check again:",
  againFolder: (name: string) => `Check ${name} again`,
  forgetFolder: (name: string) => `Forget ${name}`,
  remember: (name: string) => `Remember ${name}`,
  rememberHint: "One click checks it again next time, and reads only what has changed.",
  hidesNames:
    "The browser leaves out files whose names other systems forbid: with characters such as : or ?, " +
    "or ending in .lnk or .url. To include them, drop the folder here.",
  folderDenied: (name: string) =>
    `The browser may not read ${name}. Choose the folder again, or allow access to it.`,
  folderGone: (name: string) => `${name} can’t be found. Choose the folder again.`,
  notKept: (name: string) =>
    `The browser did not keep ${name}: it has no room, or does not allow it.`,
  cached: (folders: number) =>
    `This browser keeps the digests of files in ${folders === 1 ? "1 folder" : `${folders} folders`}, so that ` +
    "unchanged files are not read again.",
  clearCache: "Forget them",
  interrupted: "Interrupted uploads",
  interruptedFiles: (number: number, text: string) =>
    number === 1
      ? "1 upload was interrupted. Choose the same file again to resume it."
      : `${text} uploads were interrupted. Choose the same files again to resume them.`,
  andMore: (text: string) => `and ${text} more`,
  discard: (number: number): string => (number === 1 ? "Discard it" : "Discard them"),
};

export const list = {
  region: "Files",
  tabs: {
    all: "All",
    new: "New",
    stored: "Already stored",
    decide: "Decide",
    failed: "Failed",
  },
  filter: "Filter by name",
  sort: "Sort",
  orders: {
    added: "as added",
    name: "by name",
    size: "by size",
    state: "by state",
    folder: "by folder",
  },
  nothing: {
    all: "No file here has this in its name.",
    new: "Nothing is new.",
    stored: "None of these files is stored yet.",
    decide: "There is nothing to decide.",
    failed: "Nothing failed.",
  },
  forAll: (number: number, text: string) =>
    number === 1 ? "1 file is already stored:" : `${text} files are already stored:`,
  again: (number: number, text: string) =>
    number === 1 ? "1 file failed or was skipped:" : `${text} files failed or were skipped:`,
  choices: { skip: "Skip all", place: "Add all here too", upload: "Upload all" },
  placeHint: "The store copies the content to this name as well. Nothing is sent.",
  keepChoice: "do the same next time",
  kept: {
    skip: "Files that are already stored are skipped.",
    place: "Files that are already stored are added here too, without sending them.",
    upload: "Files that are already stored are uploaded once more.",
  },
  askAgain: "Ask me again",
  uploadNew: (number: number, text: string) =>
    number === 1 ? "Upload the new file" : `Upload all ${text} new files`,
};

export const summary = {
  new: "new",
  stored: "already stored",
  decide: (number: number): string => (number === 1 ? "needs a decision" : "need a decision"),
  failed: "failed",
  toSend: (size: string) => `${size} to send`,
  sent: (size: string) => `${size} sent`,
  notSent: (size: string) => `${size} not sent`,
  saves: (money: string) => `${money} a month saved`,
  uncertain: (text: string) => `${text} not certain`,
  reading: (share: string) => `reading ${share}`,
  sending: (share: string) => `sending ${share}`,
  placing: (share: string) => `copying ${share}`,
  rate: (size: string) => `${size}/s`,
  left: (time: string) => `${time} left`,
  paused: "paused",
  progress: "Progress",
  pause: "Pause",
  resume: "Resume",
  cancelAll: "Cancel all",
  announce: {
    working: "Working",
    paused: "Paused",
    done: "Done",
    new: (text: string) => `${text} new`,
    uncertain: (text: string) => ` (${text} of them not certain)`,
    stored: (text: string) => `${text} already stored`,
    placed: (text: string) => `${text} added here too`,
    uploaded: (text: string) => `${text} uploaded`,
    decide: (number: number, text: string) =>
      `${text} ${number === 1 ? "needs" : "need"} a decision`,
    failed: (text: string) => `${text} failed`,
    skipped: (text: string) => `${text} skipped`,
  },
  end: {
    title: "Done",
    uploaded: (files: string, size: string) => `${files} uploaded, ${size}.`,
    onlyNew: (files: string, size: string) => `${files} new, ${size}; not uploaded.`,
    stored: (files: string, size: string) => `${files} already stored: ${size} not sent.`,
    saved: (money: string) => `That saves ${money} a month.`,
    placed: (files: string) => `${files} added here too, copied within the store.`,
    open: (files: string) => `${files} to decide.`,
    failed: (files: string) => `${files} failed.`,
    skipped: (files: string) => `${files} skipped.`,
    store: (name: string, date: string) => `onecopy, ${name}, ${date}`,
    copy: "Copy as text",
    copied: "Copied",
    csv: "Save as CSV",
    headings: ["file", "bytes", "result", "stored as", "stored since", "digest", "details"],
  },
};
