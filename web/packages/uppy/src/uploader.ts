/** The plugin. Files are hashed together, without an event of Uppy for each of them. */

import { type Answer, type Copy, Onecopy, type Progress } from "@onecopy/client";
import {
  BasePlugin,
  type Body,
  EventManager,
  type Meta,
  type Uppy,
  type UppyFile,
} from "@uppy/core";
import { filterFilesToEmitUploadStarted, filterFilesToUpload } from "@uppy/core/utils";
import { type Client, LOCALE, type Options } from "./options.ts";
import { Running } from "./running.ts";

/** Time between two changes of Uppy's state, each of which makes Uppy draw everything. */
const INTERVAL_MS = 250;
/** Links that are requested of the service, one request each. */
const MAX_LINKS = 100;
/** The progress of smaller files is not worth an event. */
const MIN_PROGRESS_BYTES = 1024 * 1024;

/** Checks files when they are added, marks duplicates, and uploads what is new. */
export class OnecopyUploader<M extends Meta, B extends Body> extends BasePlugin<Options, M, B> {
  readonly #client: Client;
  readonly #events: EventManager<M, B>;
  readonly #running = new Running();
  /** The checks under way by file ID. */
  readonly #checks = new Map<string, { readonly control: AbortController; ended: Promise<void> }>();
  #unmarked = new Map<string, Answer>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #links = 0;

  constructor(uppy: Uppy<M, B>, opts: Options) {
    super(uppy, opts);
    this.id = opts.id ?? "Onecopy";
    this.type = "uploader";
    this.defaultLocale = LOCALE;
    this.i18nInit();
    this.#client = opts.client ?? newClient(opts);
    this.#events = new EventManager(uppy);
  }

  override install(): void {
    const { uppy } = this;
    uppy.setState({ capabilities: { ...uppy.getState().capabilities, resumableUploads: true } });
    this.#events.on("files-added", (files) => this.#check(files));
    this.#events.on("file-removed", ({ id }) => this.#forget(id));
    this.#events.on("upload-pause", (file, isPaused) => {
      if (file === undefined) return;
      if (isPaused) this.#running.pause(file.id);
      else this.#running.resume(file.id);
    });
    this.#events.on("pause-all", () => this.#running.pauseAll());
    this.#events.on("resume-all", () => this.#running.resumeAll());
    uppy.addPreProcessor(this.#awaitChecks);
    uppy.addUploader(this.#upload);
  }

  override uninstall(): void {
    this.#events.remove();
    this.uppy.removePreProcessor(this.#awaitChecks);
    this.uppy.removeUploader(this.#upload);
    for (const { control } of this.#checks.values()) control.abort();
    this.#running.abortAll();
    clearTimeout(this.#timer);
    if (this.opts.client === undefined) this.#client.close();
  }

  #check(files: readonly UppyFile<M, B>[]): void {
    for (const file of files) {
      if (!hasData(file)) continue;
      const control = new AbortController();
      const ended = this.#checkFile(file.id, file.data, control.signal);
      this.#checks.set(file.id, { control, ended });
    }
  }

  /** Check a file. Errors are ignored here: the upload checks again, and reports them. */
  async #checkFile(id: string, data: Blob, signal: AbortSignal): Promise<void> {
    try {
      const answer = await this.#client.check(data, { signal });
      this.#unmarked.set(id, answer);
      this.#timer ??= setTimeout(() => void this.#mark(), INTERVAL_MS);
    } catch {
      // The upload will say why.
    } finally {
      this.#checks.delete(id);
    }
  }

  /** Mark the duplicates among the files that were checked since the last time. */
  async #mark(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const answers = this.#unmarked;
    if (answers.size === 0) return;
    this.#unmarked = new Map();
    const duplicates = [...answers].filter(([, { verdict }]) => verdict === "duplicate");
    const links = await Promise.all(duplicates.map(([, { copy }]) => this.#link(copy)));
    const marks = new Map(duplicates.map(([id], at) => [id, links[at]]));
    this.#patch([...marks.keys()], ({ id, meta }) => {
      const url = marks.get(id);
      // The Dashboard shows an author below the name of a file, as a link, and the size after it.
      const author = { name: `${this.i18n("duplicate")}\u00a0`, url };
      return { meta: { ...meta, author }, ...(url && { uploadURL: url }) };
    });
    this.uppy.emit("onecopy-checked", answers);
    if (marks.size > 0) this.uppy.info(this.i18n("duplicates", { smart_count: marks.size }));
  }

  /** Return a link to a copy, if there is one: without it, nothing fails. */
  async #link(copy: Copy | undefined): Promise<string | undefined> {
    if (copy === undefined) return undefined;
    try {
      if (this.opts.link) return await this.opts.link(copy);
      return ++this.#links > MAX_LINKS ? undefined : await this.#client.link(copy.key);
    } catch (error) {
      this.uppy.log(error, "warning"); // the token may not read, for example
      return undefined;
    }
  }

  /** Change many files in one change of Uppy's state. */
  #patch(ids: readonly string[], change: (file: UppyFile<M, B>) => Partial<UppyFile<M, B>>): void {
    const { files } = this.uppy.getState();
    const present = ids.flatMap((id) => files[id] ?? []);
    if (present.length === 0) return;
    this.uppy.patchFilesState(Object.fromEntries(present.map((file) => [file.id, change(file)])));
  }

  #forget(id: string): void {
    this.#checks.get(id)?.control.abort();
    this.#running.abort(id);
  }

  readonly #awaitChecks = async (ids: string[]): Promise<void> => {
    const waiting = ids.filter((id) => this.#checks.has(id));
    const preprocess = { mode: "indeterminate", message: this.i18n("checking") } as const;
    this.#patch(waiting, ({ progress }) => ({ progress: { ...progress, preprocess } }));
    await Promise.all(waiting.map((id) => this.#checks.get(id)?.ended));
    await this.#mark();
    this.#patch(waiting, ({ progress: { preprocess: _, ...progress } }) => ({ progress }));
  };

  readonly #upload = async (ids: string[]): Promise<void> => {
    const files = filterFilesToUpload(this.uppy.getFilesByIds(ids)) as UppyFile<M, B>[];
    this.uppy.emit("upload-start", filterFilesToEmitUploadStarted(files));
    await Promise.all(files.map((file) => this.#uploadFile(file)));
  };

  async #uploadFile(file: UppyFile<M, B>): Promise<void> {
    try {
      if (!hasData(file)) throw new Error(this.i18n("remote"));
      const { data } = file;
      const answer = await this.#running.run(file.id, (signal) => {
        const onProgress = this.#reporter(file);
        return this.#client.upload(data, { key: this.#key(file), signal, onProgress });
      });
      await this.#finish(file, answer);
    } catch (error) {
      const isRemoved = this.uppy.getFile(file.id) === undefined;
      if (!isRemoved) this.uppy.emit("upload-error", file, error as Error);
    }
  }

  async #finish(file: UppyFile<M, B>, answer: Answer): Promise<void> {
    const { verdict, copy, message, reason } = answer;
    const isStored = verdict === "duplicate" || (verdict === "new" && copy !== undefined);
    if (!isStored) throw new Error(message ?? `the file was not uploaded: ${reason}`);
    const known = this.uppy.getFile(file.id)?.uploadURL;
    const url = known ?? (this.opts.link && (await this.#link(copy)));
    const body = answer as unknown as B;
    this.uppy.emit("upload-success", file, { status: 200, body, ...(url && { uploadURL: url }) });
  }

  #key(file: UppyFile<M, B>): string {
    return this.opts.key?.(file) ?? defaultKey(file);
  }

  /** Return a function that reports the progress of a large file, now and then. */
  #reporter(file: UppyFile<M, B>): (progress: Progress) => void {
    const size = file.size ?? 0;
    const uploadStarted = Date.now();
    let last = Number.NEGATIVE_INFINITY;
    return ({ step, bytes }) => {
      if (step !== "sending" || size < MIN_PROGRESS_BYTES || performance.now() - last < INTERVAL_MS)
        return;
      last = performance.now(); // the clock may be set back
      const progress = { uploadStarted, bytesUploaded: bytes, bytesTotal: size };
      this.uppy.emit("upload-progress", file, progress);
    };
  }
}

function newClient({ url, token }: Options): Client {
  if (url === undefined) throw new TypeError("name the service: set the option url, or client");
  return new Onecopy(url, { ...(token !== undefined && { token }) });
}

/** Return whether the browser has the bytes of a file, as it has not for those of other services. */
function hasData<M extends Meta, B extends Body>(
  file: UppyFile<M, B>,
): file is UppyFile<M, B> & { readonly data: Blob } {
  return !file.isRemote && file.data instanceof Blob;
}

function defaultKey({ meta }: UppyFile<Meta, Body>): string {
  const folders = meta.relativePath?.split("/").slice(0, -1).filter(Boolean) ?? [];
  return [...folders, meta.name].join("/");
}
