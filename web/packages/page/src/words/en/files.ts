/** What the page says about one file, and the comparison with its stored copy. */

export const files = {
  states: {
    queued: "waiting",
    hashing: (share: string) => `reading ${share}`,
    checking: "checking",
    confirming: (share: string) => `being verified ${share}`,
    new: "new",
    sending: (share: string) => `sending ${share}`,
    completing: "finishing",
    waiting: "waiting for another upload",
    uploaded: "uploaded",
    duplicate: "already stored",
    listed: "already known",
    follower: "same as another file",
    placing: (share: string) => `being added here ${share}`,
    placed: "added here too",
    taken: "name taken",
    unconfirmed: "not confirmed",
    failed: "failed",
    skipped: "skipped",
  },
  listed: "On your list of checksums",
  storedAs: (name: string) => `Stored as ${name}`,
  storedSince: (name: string, day: string) => `Stored as ${name} since ${day}`,
  notRead: "not read again",
  sameAs: (name: string) => `Same content as ${name} in this selection`,
  taken:
    "Something else is stored under this name and won’t be overwritten. Upload this file under " +
    "another name, or skip it.",
  inTrash: (name: string) => `Stored only in a trash or snapshot folder: ${name}`,
  unexamined: (number: number, text: string) =>
    `Not certain: ${number === 1 ? "1 stored file of this size was" : `${text} stored files of this size were`} not ` +
    "examined. To be sure, ask the operator to run `onecopy scan --describe`, and choose this file " +
    "again",
  extraCopy: "Stored as a second copy: the same content is also stored elsewhere.",
  placedFrom: "Copied within the store, without sending it",
  alreadyThere: "This content was already stored under this name",
  checking: {
    confirming: "A stored file of the same size may match, and is being read to find out",
    uploading: "The same content is being uploaded elsewhere; this file waits for a minute at most",
  } as Readonly<Record<string, string>>,
  couldNotCheck: "It could not be checked whether this is already stored",
  uploadFailed: "The upload failed",
  name: {
    strange: (codes: string) => `The name has misleading characters: ${codes}`,
    notNfc: "(not in Unicode NFC)",
  },
  actions: {
    cancel: "Cancel",
    upload: "Upload",
    uploadNow: "Upload now",
    uploadAnyway: "Upload anyway",
    uploadAs: (name: string) => `Upload as ${name}`,
    place: "Add here too",
    compare: "Compare",
    open: "Open",
    skip: "Skip",
    retry: "Try again",
    of: (action: string, name: string) => `${action} ${name}`,
  },
};

export const compare = {
  title: "Compare",
  local: "On this computer",
  stored: "In the store",
  same: "Same size and same SHA-256.",
  sameOther: (scheme: string) => `Same size and same digest (${scheme}).`,
  sameContent: "The service found the same content.",
  remembered:
    "This file was not read again: it has the size and the date that it had when it was last read.",
  seen: "The service looked at the stored file before it answered: it is there, and unchanged.",
  name: "name",
  folder: "folder",
  size: "size",
  modified: "changed on",
  since: "stored since",
  digest: "digest",
  top: "the top folder",
  noPreview: "There is no preview of this type of file.",
  cannotShow: "Your browser can’t show this file.",
  notReadable: "The text can’t be read from here. Download it instead.",
  cut: (size: string) => `The first ${size}.`,
  download: "Download the stored file",
};
