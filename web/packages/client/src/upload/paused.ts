/** Stopping an upload that will be resumed. */

/**
 * The reason to abort an upload with, so that what was sent of it is kept:
 * `controller.abort(new Paused())`. The next upload of the same file to the same key resumes it.
 */
export class Paused extends Error {
  override name = "Paused";

  constructor() {
    super("paused: upload the file again to resume it");
  }
}
