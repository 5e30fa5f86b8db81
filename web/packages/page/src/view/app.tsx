/** The page as a whole. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { chooseLanguage, language } from "../words/language.ts";
import { Failed } from "./failed.tsx";
import { Header } from "./header.tsx";
import type { Props } from "./props.ts";
import { SignIn } from "./sign-in.tsx";
import { Announcer, announce, offline } from "./upload/announcer.tsx";
import { UploadView } from "./upload/view.tsx";
import { useChanges } from "./use-changes.ts";
import { Lazy, useView, ViewLinks } from "./views.tsx";

const loadActivity = async () => (await import("./activity/view.tsx")).ActivityView;
const loadDuplicates = async () => (await import("./duplicates/view.tsx")).DuplicatesView;

/** The page. The address names its view; what was chosen to upload stays when another is shown. */
export function App(props: Props): JSX.Element {
  const { client, session, connection, uploader, selection, config, error } = props;
  const view = useView();
  const [, redraw] = useState("");
  useChanges(connection.subscribe);
  useChanges(session.subscribe);
  const speak = (chosen: Parameters<typeof chooseLanguage>[1]) =>
    void chooseLanguage(localStorage, chosen).then(() => redraw(chosen));
  return (
    <>
      <Header {...{ client, uploader, session, config, speak }} />
      <ViewLinks view={view} />
      {/* What was drawn in another language is drawn anew. */}
      <main key={language}>
        <Banner {...{ connection, session, uploader, selection }} />
        {error !== undefined && <Failed error={error} retry={() => location.reload()} />}
        <div hidden={view !== "upload"}>
          <UploadView {...props} />
        </div>
        {view === "duplicates" && <Lazy load={loadDuplicates} props={{ client }} />}
        {view === "activity" && <Lazy load={loadActivity} props={{ client }} />}
      </main>
      <Status {...{ uploader, selection, connection }} />
    </>
  );
}

/** What screen readers announce, whichever view is shown. */
function Status(props: Pick<Props, "uploader" | "selection" | "connection">): JSX.Element {
  const { uploader, selection, connection } = props;
  useChanges(selection.subscribe);
  useChanges(connection.pause.subscribe);
  const busy = connection.pause.isPaused ? "paused" : "working";
  const work = uploader.isBusy ? busy : "done";
  return <Announcer text={announce(selection, work, connection.state)} />;
}

type BannerProps = Pick<Props, "connection" | "session" | "uploader" | "selection">;

function Banner({ connection, session, uploader, selection }: BannerProps): JSX.Element | null {
  useChanges(selection.subscribe); // so that it knows whether files are waiting
  if (connection.state === "token-needed") {
    return <SignIn {...{ connection, session, isBusy: uploader.isBusy }} />;
  }
  const down = offline(connection.state);
  return down === undefined ? null : <p class="banner">{down}</p>;
}
