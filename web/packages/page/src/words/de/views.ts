/** The views of what is stored twice, and of what was uploaded, in German. */

import type { ChartWords } from "@onecopy/charts/words.ts";
import type { Headings } from "../headings.ts";

export const charts: ChartWords = {
  locale: "de",
  table: "Als Tabelle zeigen",
  share: "Anteil",
  openFolder: "Ordner öffnen",
  noFolder: "Kein Ordner unter diesem enthält Duplikate.",
  blank: "Leer: Dateien direkt im Ordner und Ordner, die zu klein sind, um gezeigt zu werden.",
  nothing: (label) => `${label}: noch nichts`,
};

export const duplicates = {
  title: "Duplikate",
  counting: "Wird gezählt",
  countingStored: "Es wird gezählt, was gespeichert ist …",
  beingCounted: "wird gezählt",
  amount: (size: string, money: string) => `${size}, ${money} im Monat`,
  root: "Alle Ordner",
  folders: "Nach Ordner",
  types: "Nach Art",
  ages: "Nach Alter",
  headings: {
    folder: ["Ordner", "verschwendet", "Duplikate"] as Headings,
    type: ["Art", "verschwendet", "Duplikate"] as Headings,
    age: ["Alter", "verschwendet", "Duplikate"] as Headings,
  },
  ageNames: {
    "under 30 days": "unter 30 Tagen",
    "30 to 90 days": "30 bis 90 Tage",
    "90 days to 1 year": "90 Tage bis 1 Jahr",
    "1 to 3 years": "1 bis 3 Jahre",
    "over 3 years": "über 3 Jahre",
    unknown: "unbekannt",
  } as Readonly<Record<string, string>>,
  duplicates: (number: number, text: string) => (number === 1 ? "1 Duplikat" : `${text} Duplikate`),
  otherTypes: "andere",
  noExtension: "ohne Endung",
  nothingStored: [
    "Noch ist nichts gespeichert.",
    "Laden Sie Dateien hoch. Was ohne onecopy gespeichert wurde, findet der nächste Scan des " +
      "Betreibers.",
  ],
  nothingTwice: "Nichts ist doppelt gespeichert.",
  onlyOne: "Nur eine Datei ist gespeichert.",
  noTwo: (text: string) =>
    `Von den ${text} gespeicherten Dateien haben, soweit bekannt, keine zwei denselben Inhalt.`,
  foundSoFar: "Bisher gefunden. Alle Dateien werden gerade gezählt.",
  countedAt: (time: string, again: boolean) =>
    `Gezählt um ${time}${again ? ", und wird gerade neu gezählt" : ""}.`,
  rule: "Duplikate sind alle Kopien eines Inhalts außer der ältesten.",
  likelyMissing:
    "Wahrscheinliche Duplikate konnten nicht gezählt werden: Bitten Sie den Betreiber, ins Log des " +
    "Dienstes zu sehen.",
  kinds: {
    proved: {
      name: "Bewiesen",
      hint: "Diese Dateien haben denselben Inhalt: Er wurde verglichen.",
    },
    likely: {
      name: "Wahrscheinlich",
      hint:
        "Diese Dateien haben dieselbe Größe und dasselbe ETag oder dieselbe Prüfsumme, aber ihr " +
        "Inhalt wurde nicht verglichen. Um sicher zu sein, bitten Sie den Betreiber, `onecopy " +
        "scan --read missing` auszuführen.",
    },
  },
  totals: {
    duplicates: (number: number) => (number === 1 ? "Duplikat" : "Duplikate"),
    likely: (number: number) =>
      number === 1 ? "wahrscheinliches Duplikat" : "wahrscheinliche Duplikate",
    files: (number: number) => (number === 1 ? "Datei gespeichert" : "Dateien gespeichert"),
  },
  largest: "Die größten Duplikate",
  more: "Mehr anzeigen",
  group: (text: string, size: string) => `${text} Dateien zu ${size}`,
  wasted: (size: string, money: string) => `${size} verschwendet, ${money} im Monat`,
  moreCopies: (text: string) => `und ${text} weitere`,
};

export const activity = {
  title: "Verlauf",
  sums: "Summen",
  day: "Nach Tag",
  month: "Nach Monat",
  avoided: "Nicht hochgeladen, weil es schon gespeichert war",
  uploaded: "Hochgeladen",
  headings: { day: ["Tag", "Bytes", "Dateien"], month: ["Monat", "Bytes", "Dateien"] },
  totals: {
    avoided: (number: number) => (number === 1 ? "Upload vermieden" : "Uploads vermieden"),
    uploaded: (number: number) => (number === 1 ? "Datei hochgeladen" : "Dateien hochgeladen"),
  },
  saves: (size: string, money: string) => `${size} nicht hochgeladen, spart ${money} im Monat`,
  nothing: "Noch wurde nichts hochgeladen.",
  nothingHint:
    "Diese Ansicht zeigt, Tag für Tag, was hochgeladen wurde, und was nicht, weil es schon " +
    "gespeichert war.",
};
