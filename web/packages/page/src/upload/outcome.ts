/** What results and errors mean for a file of the selection. */

import { checkKey, FileUnreadable, InvalidKey, Problem, type Result } from "@onecopy/client";
import type { Detail, State } from "./selection.ts";

/** The reasons for which an upload is not begun, although it is known what is stored. */
const FAILURE_REASONS = new Set(["key-invalid", "quota-exceeded", "store-full"]);

/** Return the state of a file that was checked or uploaded with this result. */
export function stateOf({ verdict, copy, reason }: Result): State {
  if (verdict === "duplicate") return "duplicate";
  if (reason === "key-taken") return "taken";
  if (FAILURE_REASONS.has(reason ?? "")) return "failed";
  return verdict === "new" && copy ? "uploaded" : "unconfirmed";
}

/** Return the detail of a file that the check found to be new: as far as it goes beyond that. */
export function detailOfNew({ reason, copy, unexamined = 0 }: Result): Partial<Detail> {
  return reason === "in-trash" ? { copy: copy ?? null, reason, unexamined } : { unexamined };
}

/** Return whether the service accepts a media type; browsers leave it empty for unknown ones. */
export function isMediaType(type: string): boolean {
  return type !== "" && type.length <= 255;
}

/** Return why nothing can be stored under a key, as a reason; null if something can. */
export function keyProblem(key: string, room: number): string | null {
  try {
    checkKey(key, room);
    return null;
  } catch (error) {
    return error instanceof InvalidKey ? `key-${error.flaw}` : "key-invalid";
  }
}

/** Return the reason and the message of an error. */
export function failure(error: unknown): { reason: string; message: string } {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof FileUnreadable) return { reason: "file-changed", message };
  if (error instanceof Problem) return { reason: error.reason, message };
  return { reason: "error", message };
}
