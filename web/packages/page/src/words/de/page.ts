/** The frame of the page in German. */

export const format = {
  units: ["Bytes", "kB", "MB", "GB", "TB"],
  byte: "Byte",
  percent: (share: number) => `${share} %`,
  lessThan: (amount: string) => `weniger als ${amount}`,
  seconds: (number: number) => `${number} s`,
  minutes: (number: number) => `${number} min`,
  hours: (number: string) => `${number} h`,
};

export const common = {
  loading: "Wird geladen …",
  tryAgain: "Noch einmal versuchen",
  close: "Schließen",
  show: "Anzeigen",
  files: (number: number, text: string) => (number === 1 ? "1 Datei" : `${text} Dateien`),
  notEmpty: "Leere Dateien werden nicht gezählt.",
  loadFailed: "Etwas ist schiefgegangen. Laden Sie die Seite neu.",
  viewFailed:
    "Diese Ansicht ließ sich nicht laden. Prüfen Sie Ihr Netz, und versuchen Sie es noch einmal. " +
    "Wenn das nicht hilft, laden Sie die Seite neu, sobald nichts mehr hochgeladen wird.",
};

export const header = {
  views: "Ansichten",
  viewNames: { upload: "Hochladen", duplicates: "Duplikate", activity: "Verlauf" },
  stored: (number: number, text: string) =>
    number === 1 ? "1 Datei gespeichert" : `${text} Dateien gespeichert`,
  avoided: (number: number, text: string, money: string) =>
    `${number === 1 ? "1 Upload" : `${text} Uploads`} vermieden${money && ` (${money} im Monat)`}`,
  themes: {
    system: "Farben: wie im System",
    light: "Farben: hell",
    dark: "Farben: dunkel",
  },
  signOut: "Abmelden",
  offline: {
    unreachable:
      "Der Dienst ist nicht erreichbar. Uploads sind angehalten und werden automatisch fortgesetzt.",
    "store-unreachable":
      "Der Bucket ist nicht erreichbar. Uploads sind angehalten und werden automatisch fortgesetzt.",
  },
};

export const signIn = {
  title: "Anmelden",
  needed: "Melden Sie sich an, um diesen Dienst zu nutzen.",
  expired: "Ihre Sitzung ist abgelaufen. Melden Sie sich wieder an, um fortzufahren.",
  leaves:
    "Beim Anmelden verlassen Sie diese Seite. Wählen Sie danach dieselben Dateien noch einmal: " +
    "Große Uploads gehen dort weiter, wo sie stehen geblieben sind, und was schon gespeichert " +
    "ist, wird nicht noch einmal hochgeladen.",
  useToken: "Stattdessen ein Zugriffstoken verwenden",
  enterToken: "Geben Sie ein Zugriffstoken ein, um diesen Dienst zu nutzen:",
  tokenRefused: "Der Dienst hat dieses Token abgelehnt. Geben Sie ein anderes Zugriffstoken ein:",
  continue: "Weiter",
};
