/** The frame of the page: header, views, banners, signing in; and how figures are written. */

export const format = {
  units: ["bytes", "kB", "MB", "GB", "TB"],
  byte: "byte",
  percent: (share: number) => `${share}%`,
  lessThan: (amount: string) => `less than ${amount}`,
  seconds: (number: number) => `${number} s`,
  minutes: (number: number) => `${number} min`,
  hours: (number: string) => `${number} h`,
};

export const common = {
  loading: "Loading…",
  tryAgain: "Try again",
  close: "Close",
  show: "Show",
  files: (number: number, text: string) => (number === 1 ? "1 file" : `${text} files`),
  notEmpty: "Empty files are not counted.",
  loadFailed: "Something went wrong. Reload the page.",
  viewFailed:
    "This view could not be loaded. Check your network, then try again. If that does not help, " +
    "reload the page when nothing is being uploaded.",
};

export const header = {
  views: "Views",
  viewNames: { upload: "Upload", duplicates: "Duplicates", activity: "Activity" },
  stored: (number: number, text: string) =>
    number === 1 ? "1 file stored" : `${text} files stored`,
  avoided: (number: number, text: string, money: string) =>
    `${number === 1 ? "1 upload" : `${text} uploads`} avoided${money && ` (${money} a month)`}`,
  themes: {
    system: "Colours: as the system",
    light: "Colours: light",
    dark: "Colours: dark",
  },
  signOut: "Sign out",
  offline: {
    unreachable: "The service can’t be reached. Uploads are paused and resume automatically.",
    "store-unreachable":
      "The bucket can’t be reached. Uploads are paused and resume automatically.",
  },
};

export const signIn = {
  title: "Sign in",
  needed: "Sign in to use this service.",
  expired: "Your session has expired. Sign in again to continue.",
  leaves:
    "Signing in leaves this page. Choose the same files again afterwards: large uploads resume " +
    "where they stopped, and files that are already stored are not uploaded twice.",
  useToken: "Use an access token instead",
  enterToken: "Enter an access token to use this service:",
  tokenRefused: "The service did not accept this token. Enter another access token:",
  continue: "Continue",
};
