// @vitest-environment happy-dom
import { type Activity, Client, type Counts, Problem } from "@onecopy/client";
import { render } from "preact";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ActivityView } from "../../src/view/activity/view.tsx";

const COUNTS: Counts = {
  uploaded_files: 2,
  uploaded_bytes: 20,
  avoided_files: 1234,
  avoided_bytes: 5000,
  saved_per_month: 3,
};
const NONE: Counts = {
  uploaded_files: 0,
  uploaded_bytes: 0,
  avoided_files: 0,
  avoided_bytes: 0,
  saved_per_month: 0,
};

async function show(answer: Activity | Error, text: string): Promise<Client> {
  const client = new Client({ root: "http://127.0.0.1:9/" });
  client.activity = vi.fn(async () => {
    if (answer instanceof Error) throw answer;
    return answer;
  });
  render(<ActivityView client={client} />, document.body);
  await vi.waitFor(() => expect(document.body.textContent).toContain(text));
  return client;
}

/** The table of one of the pictures. */
function rows(picture: number): (string | null)[] {
  const table = document.querySelectorAll("table")[picture];
  return [...(table?.querySelectorAll("tbody tr") ?? [])].map(({ textContent }) => textContent);
}

afterEach(() => {
  render(null, document.body);
});

describe("the view of activity", () => {
  it("shows totals, and what was avoided and uploaded by day and by month", async () => {
    const days = [
      { day: "2026-02-28", ...NONE, uploaded_files: 1, uploaded_bytes: 7 },
      { day: "2026-03-01", ...COUNTS },
    ];
    await show({ days, months: [{ month: "2026-03", ...COUNTS }], total: COUNTS }, "avoided");
    expect(document.querySelector(".counters")?.textContent).toBe(
      "uploads avoided1,2345.0 kB not uploaded, saves $3.00 a monthfiles uploaded220 bytes",
    );
    expect(rows(0)).toEqual(["28 February 20260 bytes0 files", "1 March 20265.0 kB1,234 files"]);
    expect(rows(1)).toEqual(["28 February 20267 bytes1 file", "1 March 202620 bytes2 files"]);
    [...document.querySelectorAll("button")].at(-1)?.click();
    await vi.waitFor(() => expect(rows(0)).toEqual(["March 20265.0 kB1,234 files"]));
  });

  it("says that nothing has been uploaded", async () => {
    await show({ days: [], months: [], total: NONE }, "Nothing has been uploaded yet.");
  });

  it("says why nothing can be shown, and tries again", async () => {
    const client = await show(new Problem(403, "not-allowed", "No."), "the scope `read`");
    document.querySelector("button")?.click();
    await vi.waitFor(() => expect(client.activity).toHaveBeenCalledTimes(2));
  });
});
