/** Why something is not confirmed, failed, or could not be loaded, and what to do; by its code. */

type Reasons = Readonly<Record<string, string>>;

const BYTES_DIFFER = "The file changed while it was uploaded. Choose it again.";

export const unconfirmed: Reasons = {
  confirming:
    "A stored file of the same size may match, and is still being read to find out. Choose this " +
    "file again later, or upload it.",
  "store-archived":
    "A stored file of the same size may match, but is archived. Upload this file, or ask the " +
    "operator to restore the stored one and then choose it again.",
  listed:
    "This content is on your list of checksums, which does not say where a copy is stored. " +
    "Upload it to be sure.",
  "read-limit":
    "A stored file of the same size may match, but is too large to be read now. Upload this file, " +
    "or ask the operator to run `onecopy scan --read missing` and then choose it again.",
  "copy-changed":
    "A stored file that may match is being modified. Choose this file again later, or upload it.",
  "store-unavailable":
    "The store is unavailable, so this could not be checked. Choose the file again later.",
  "store-forbidden":
    "The store denied access to the service, so this could not be checked. Ask the operator " +
    "to run `onecopy doctor`.",
  "store-expiring":
    "The only stored copy will soon be deleted by a lifecycle rule of the bucket. Upload this file " +
    "to keep it.",
  "index-unavailable":
    "The index is unavailable, so this could not be checked. Choose the file again later.",
  "index-forbidden":
    "The index denied access to the service, so this could not be checked. Ask the operator to " +
    "check its permissions.",
  "digest-needed":
    "A stored file of the same size may match, but can’t be compared with this one. Upload this " +
    "file, or ask the operator to run `onecopy scan --read missing` and then choose it again.",
  uploading:
    "The same content is being uploaded elsewhere. Choose this file again later, or upload it.",
  placing: "The store is still copying the file. Choose it again later, or upload it.",
  "place-unsupported":
    "This store can’t copy a file safely without overwriting. Upload the file instead.",
  "digest-mismatch": BYTES_DIFFER,
};

export const failures: Reasons = {
  "file-changed": "The file can’t be read, or changed after you chose it. Choose it again.",
  "file-unreadable":
    "The file can’t be read. Check its permissions, and whether it is open elsewhere; then choose " +
    "it again.",
  "digest-mismatch": BYTES_DIFFER,
  "cors-missing":
    "The bucket’s CORS rules don’t allow uploads from this page. Ask the operator to run " +
    "`onecopy doctor --fix-cors --origin` with this page’s address, then try again.",
  "store-forbidden": "The bucket refused the upload. Ask the operator to run `onecopy doctor`.",
  "store-unreachable":
    "The connection to the bucket failed repeatedly. Check your network, then try again.",
  "store-unavailable": "The bucket is unavailable. Try again later.",
  busy: "Too many uploads are in progress. Try again in a minute.",
  "upload-slow": "The connection is too slow for this file. Try again over a faster one.",
  "upload-stalled": "The connection stopped for a minute. Try again.",
  "part-superseded":
    "The same file is being uploaded elsewhere, as in another tab. Let that upload finish, then try " +
    "again.",
  "store-full": "The store is full. Free some space, then try again.",
  "not-allowed": "Your token does not allow uploads. Use a token with the scope `upload`.",
  "key-too-long":
    "The name with its folders is too long (limit 1,024 bytes). Shorten it, then choose the file " +
    "again.",
  "key-control": "The name contains control characters. Rename the file, then choose it again.",
  "key-not-utf-8": "The name is not valid UTF-8. Rename the file, then choose it again.",
  "key-reserved":
    "The folder name .onecopy is reserved. Rename the folder, then choose the file again.",
};

/** The answer of a proxy or gateway before the service, by its status. */
export const gateway = (status: string): string =>
  `A proxy in front of the service answered with status ${status}` +
  (status === "413"
    ? ": the request is too large for it. Ask the operator to raise its limit."
    : ". Try again later, or ask the operator.");

export const loadErrors: Reasons = {
  "not-allowed": "Your token does not allow this. Use a token with the scope `read`.",
  "duplicates-unavailable":
    "This service can’t list duplicates: its index would have to be read as a whole. Ask the " +
    "operator to run `onecopy report`.",
  "index-unavailable": "The index is unavailable. Try again later.",
  "copy-unknown": "This file is no longer stored under this name.",
};
