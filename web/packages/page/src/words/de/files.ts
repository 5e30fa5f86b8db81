/** What the page says about one file, in German. */

export const files = {
  states: {
    queued: "wartet",
    hashing: (share: string) => `wird gelesen, ${share}`,
    checking: "wird geprüft",
    confirming: (share: string) => `wird verglichen, ${share}`,
    new: "neu",
    sending: (share: string) => `wird gesendet, ${share}`,
    completing: "wird abgeschlossen",
    waiting: "wartet auf einen anderen Upload",
    uploaded: "hochgeladen",
    duplicate: "schon gespeichert",
    listed: "schon bekannt",
    follower: "wie eine andere Datei",
    placing: (share: string) => `wird hier abgelegt, ${share}`,
    placed: "auch hier abgelegt",
    taken: "Name vergeben",
    unconfirmed: "nicht bestätigt",
    failed: "fehlgeschlagen",
    skipped: "übersprungen",
  },
  listed: "Auf Ihrer Liste von Prüfsummen",
  storedAs: (name: string) => `Gespeichert als ${name}`,
  storedSince: (name: string, day: string) => `Gespeichert als ${name}, seit ${day}`,
  notRead: "nicht noch einmal gelesen",
  sameAs: (name: string) => `Gleicher Inhalt wie ${name} in dieser Auswahl`,
  taken:
    "Etwas anderes heißt schon so. Wählen Sie einen anderen Namen, oder überspringen Sie die Datei.",
  inTrash: (name: string) => `Nur in einem Papierkorb oder Schnappschuss gespeichert: ${name}`,
  unexamined: (number: number, text: string) =>
    "Nicht sicher: " +
    `${number === 1 ? "1 gespeicherte Datei dieser Größe wurde" : `${text} gespeicherte Dateien dieser Größe wurden`} nicht ` +
    "untersucht. Um sicher zu sein, bitten Sie den Betreiber, `onecopy scan --describe` " +
    "auszuführen, und wählen Sie diese Datei noch einmal",
  extraCopy:
    "Als zweite Kopie gespeichert: Derselbe Inhalt ist auch an anderer Stelle gespeichert.",
  placedFrom: "Im Speicher kopiert, ohne sie zu senden",
  alreadyThere: "Genau dieser Inhalt war schon unter diesem Namen gespeichert",
  checking: {
    confirming:
      "Eine gespeicherte Datei dieser Größe könnte gleich sein und wird gelesen, um das zu klären",
    uploading:
      "Derselbe Inhalt wird gerade anderswo hochgeladen; diese Datei wartet höchstens eine Minute",
  } as Readonly<Record<string, string>>,
  couldNotCheck: "Es ließ sich nicht prüfen, ob dies schon gespeichert ist",
  uploadFailed: "Der Upload ist fehlgeschlagen",
  name: {
    strange: (codes: string) => `Der Name hat irreführende Zeichen: ${codes}`,
    notNfc: "(nicht in Unicode NFC)",
  },
  actions: {
    cancel: "Abbrechen",
    upload: "Hochladen",
    uploadNow: "Jetzt hochladen",
    uploadAnyway: "Trotzdem senden",
    uploadAs: (name: string) => `Hochladen als ${name}`,
    place: "Auch hier ablegen",
    compare: "Vergleichen",
    open: "Öffnen",
    skip: "Überspringen",
    retry: "Noch einmal",
    of: (action: string, name: string) => `${action}: ${name}`,
  },
};

export const compare = {
  title: "Vergleich",
  local: "Auf diesem Rechner",
  stored: "Im Speicher",
  same: "Gleiche Größe und gleiches SHA-256.",
  sameOther: (scheme: string) => `Gleiche Größe und gleiche Prüfsumme (${scheme}).`,
  sameContent: "Der Dienst hat denselben Inhalt gefunden.",
  remembered:
    "Diese Datei wurde nicht noch einmal gelesen: Sie hat Größe und Datum wie beim letzten Lesen.",
  seen: "Vor der Antwort hat der Dienst nach der gespeicherten Datei gesehen: Sie ist da und unverändert.",
  name: "Name",
  folder: "Ordner",
  size: "Größe",
  modified: "geändert am",
  since: "gespeichert seit",
  digest: "Prüfsumme",
  top: "oberster Ordner",
  noPreview: "Für diese Art von Datei gibt es keine Vorschau.",
  cannotShow: "Ihr Browser kann diese Datei nicht anzeigen.",
  notReadable: "Der Text ist von hier aus nicht lesbar. Laden Sie ihn stattdessen herunter.",
  cut: (size: string) => `Die ersten ${size}.`,
  download: "Gespeicherte Datei herunterladen",
};
