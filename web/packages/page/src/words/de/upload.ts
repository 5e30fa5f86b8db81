/** Choosing files, totals and progress, the list: in German. */

export const drop = {
  region: "Dateien hinzufügen",
  title: "Dateien oder Ordner hier ablegen",
  hint: "Jede Datei wird erst geprüft. Was schon gespeichert ist, wird nicht gesendet.",
  chooseFiles: "Dateien wählen",
  chooseFolder: "Ordner wählen",
  into: "nach",
  top: "oberster Ordner",
  folderProblem:
    "Dieser Ordner ist ungültig. Trennen Sie Namen durch /, ohne Steuerzeichen; die Namen . " +
    "und .. und .onecopy sind reserviert.",
  checkOnly: "Nur prüfen",
  firstVisit: {
    title: "So funktioniert es",
    lines: [
      ["Legen Sie ab, was Sie wollen.", "Ihr Browser liest jede Datei, auf Ihrem Rechner."],
      ["Sehen Sie, was schon gespeichert ist,", "wie auch immer es dort heißt, und seit wann."],
      ["Nur Neues wird gesendet.", "Gespeichertes wird nie überschrieben oder gelöscht."],
    ],
  },
  again: "Noch einmal prüfen:",
  againFolder: (name: string) => `${name} noch einmal prüfen`,
  forgetFolder: (name: string) => `${name} vergessen`,
  remember: (name: string) => `${name} merken`,
  rememberHint:
    "Beim nächsten Mal prüft ein Klick den Ordner und liest nur, was sich geändert hat.",
  hidesNames:
    "Der Browser lässt Dateien aus, deren Namen andere Systeme verbieten: mit Zeichen wie : oder ?, " +
    "oder mit der Endung .lnk oder .url. Legen Sie den Ordner hier ab, um sie einzuschließen.",
  folderDenied: (name: string) =>
    `Der Browser darf ${name} nicht lesen. Wählen Sie den Ordner neu, oder erlauben Sie den Zugriff.`,
  folderGone: (name: string) => `${name} wurde nicht gefunden. Wählen Sie den Ordner neu.`,
  notKept: (name: string) =>
    `Der Browser hat sich ${name} nicht gemerkt: Er hat keinen Platz oder erlaubt es nicht.`,
  cached: (folders: number) =>
    "Dieser Browser merkt sich die Prüfsummen der Dateien in " +
    `${folders === 1 ? "1 Ordner" : `${folders} Ordnern`}, damit unveränderte nicht noch einmal ` +
    "gelesen werden.",
  clearCache: "Vergessen",
  interrupted: "Unterbrochene Uploads",
  interruptedFiles: (number: number, text: string) =>
    number === 1
      ? "1 Upload wurde unterbrochen. Wählen Sie dieselbe Datei noch einmal, um ihn fortzusetzen."
      : `${text} Uploads wurden unterbrochen. Wählen Sie dieselben Dateien noch einmal, um sie ` +
        "fortzusetzen.",
  andMore: (text: string) => `und ${text} weitere`,
  discard: () => "Verwerfen",
};

export const list = {
  region: "Dateien",
  tabs: {
    all: "Alle",
    new: "Neu",
    stored: "Schon gespeichert",
    decide: "Zu entscheiden",
    failed: "Fehler",
  },
  filter: "Nach Namen filtern",
  sort: "Sortieren",
  orders: {
    added: "wie hinzugefügt",
    name: "nach Namen",
    size: "nach Größe",
    state: "nach Zustand",
    folder: "nach Ordner",
  },
  nothing: {
    all: "Keine Datei hier hat das im Namen.",
    new: "Nichts ist neu.",
    stored: "Noch keine dieser Dateien ist gespeichert.",
    decide: "Es gibt nichts zu entscheiden.",
    failed: "Nichts ist fehlgeschlagen.",
  },
  forAll: (number: number, text: string) =>
    number === 1 ? "1 Datei ist schon gespeichert:" : `${text} Dateien sind schon gespeichert:`,
  again: (number: number, text: string) =>
    number === 1
      ? "1 Datei ist fehlgeschlagen oder wurde übersprungen:"
      : `${text} Dateien sind fehlgeschlagen oder wurden übersprungen:`,
  placeHint: "Der Speicher kopiert den Inhalt auch unter diesen Namen. Nichts wird gesendet.",
  choices: { skip: "Alle überspringen", place: "Alle auch hier ablegen", upload: "Alle hochladen" },
  keepChoice: "nächstes Mal genauso",
  kept: {
    skip: "Was schon gespeichert ist, wird übersprungen.",
    place: "Was schon gespeichert ist, wird auch hier abgelegt, ohne es zu senden.",
    upload: "Was schon gespeichert ist, wird noch einmal hochgeladen.",
  },
  askAgain: "Wieder fragen",
  uploadNew: (number: number, text: string) =>
    number === 1 ? "Die neue Datei hochladen" : `Alle ${text} neuen Dateien hochladen`,
};

export const summary = {
  new: "neu",
  stored: "schon gespeichert",
  decide: (_number: number) => "zu entscheiden",
  failed: "fehlgeschlagen",
  toSend: (size: string) => `${size} zu senden`,
  sent: (size: string) => `${size} gesendet`,
  notSent: (size: string) => `${size} nicht gesendet`,
  saves: (money: string) => `${money} im Monat gespart`,
  uncertain: (text: string) => `${text} nicht sicher`,
  reading: (share: string) => `liest ${share}`,
  sending: (share: string) => `sendet ${share}`,
  placing: (share: string) => `kopiert ${share}`,
  rate: (size: string) => `${size}/s`,
  left: (time: string) => `noch ${time}`,
  paused: "angehalten",
  progress: "Fortschritt",
  pause: "Anhalten",
  resume: "Weiter",
  cancelAll: "Alle abbrechen",
  announce: {
    working: "In Arbeit",
    paused: "Angehalten",
    done: "Fertig",
    new: (text: string) => `${text} neu`,
    uncertain: (text: string) => ` (davon ${text} nicht sicher)`,
    stored: (text: string) => `${text} schon gespeichert`,
    placed: (text: string) => `${text} auch hier abgelegt`,
    uploaded: (text: string) => `${text} hochgeladen`,
    decide: (_number: number, text: string) => `${text} zu entscheiden`,
    failed: (text: string) => `${text} fehlgeschlagen`,
    skipped: (text: string) => `${text} übersprungen`,
  },
  end: {
    title: "Fertig",
    uploaded: (files: string, size: string) => `${files} hochgeladen, ${size}.`,
    onlyNew: (files: string, size: string) => `${files} neu, ${size}; nicht hochgeladen.`,
    stored: (files: string, size: string) => `${files} schon gespeichert: ${size} nicht gesendet.`,
    saved: (money: string) => `Das spart ${money} im Monat.`,
    placed: (files: string) => `${files} auch hier abgelegt, im Speicher kopiert.`,
    open: (files: string) => `${files} zu entscheiden.`,
    failed: (files: string) => `${files} fehlgeschlagen.`,
    skipped: (files: string) => `${files} übersprungen.`,
    store: (name: string, date: string) => `onecopy, ${name}, ${date}`,
    copy: "Als Text kopieren",
    copied: "Kopiert",
    csv: "Als CSV speichern",
    headings: [
      "Datei",
      "Bytes",
      "Ergebnis",
      "gespeichert als",
      "gespeichert seit",
      "Prüfsumme",
      "Einzelheiten",
    ],
  },
};
