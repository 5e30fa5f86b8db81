/** Numbers, sizes, money and times as people read them, in the language of the page. */

import { type Language, language, words } from "./language.ts";

const LOCALES: Readonly<Record<Language, { numbers: string; dates: string }>> = {
  en: { numbers: "en", dates: "en-GB" },
  de: { numbers: "de", dates: "de" },
};

interface Formats {
  readonly whole: Intl.NumberFormat;
  readonly tenths: Intl.NumberFormat;
  readonly money: Intl.NumberFormat;
  readonly date: Intl.DateTimeFormat;
  readonly time: Intl.DateTimeFormat;
}

/** Making one takes long, so each is made once. */
const made = new Map<Language, Formats>();

function formats(): Formats {
  const known = made.get(language);
  if (known !== undefined) return known;
  const { numbers, dates } = LOCALES[language];
  const fresh: Formats = {
    whole: new Intl.NumberFormat(numbers),
    tenths: new Intl.NumberFormat(numbers, { minimumFractionDigits: 1, maximumFractionDigits: 1 }),
    money: new Intl.NumberFormat(numbers, { style: "currency", currency: "USD" }),
    date: new Intl.DateTimeFormat(dates, { day: "numeric", month: "long", year: "numeric" }),
    time: new Intl.DateTimeFormat(dates, { timeStyle: "short" }),
  };
  made.set(language, fresh);
  return fresh;
}

/** Return a number as in `1,204,331`. */
export function count(number: number): string {
  return formats().whole.format(number);
}

/** Return a number of files as in `1,204 files`. */
export function numberOfFiles(files: number): string {
  return words.common.files(files, count(files));
}

/** Return a size as in `3.1 MB`: powers of 1,000, as storage is billed; at most three digits. */
export function size(bytes: number): string {
  let [amount, unit] = [bytes, 0];
  const { units, byte } = words.format;
  // 999.5 would be rounded to 1,000.
  for (; amount >= (unit === 0 ? 1000 : 999.5) && unit < units.length - 1; unit++) amount /= 1000;
  const { whole, tenths } = formats();
  const number =
    unit > 0 && amount < 9.95 ? tenths.format(amount) : whole.format(Math.round(amount));
  return `${number} ${bytes === 1 ? byte : units[unit]}`;
}

/** Return a share as in `99%`, rounded down so that 100% means all. */
export function percent(done: number, total: number): string {
  const share = total > 0 ? Math.floor((100 * Math.min(done, total)) / total) : 100;
  return words.format.percent(share);
}

/** Return a date as in `12 March 2020`; an empty string if `text` is not a date. */
export function date(text: string | number): string {
  const time = new Date(text).getTime();
  return Number.isNaN(time) ? "" : formats().date.format(time);
}

/** Return the time of day as in `09:31`; an empty string if `text` is not a date. */
export function time(text: string): string {
  const time = Date.parse(text);
  return Number.isNaN(time) ? "" : formats().time.format(time);
}

/** Return an amount as in `$0.22`, or `less than $0.01`. */
export function money(dollars: number): string {
  const { money } = formats();
  return dollars > 0 && dollars < 0.01
    ? words.format.lessThan(money.format(0.01))
    : money.format(dollars);
}

/** Return a time to wait as in `2 min`: exact enough to decide whether to wait. */
export function duration(seconds: number): string {
  const { seconds: s, minutes, hours } = words.format;
  if (seconds < 50) return s(Math.max(5, 5 * Math.round(seconds / 5)));
  if (seconds < 90 * 60) return minutes(Math.max(1, Math.round(seconds / 60)));
  return hours(formats().tenths.format(seconds / 3600));
}
