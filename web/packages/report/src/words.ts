/** Numbers as people read them. */

const NUMBER = new Intl.NumberFormat("en");
const MONEY = new Intl.NumberFormat("en", { style: "currency", currency: "USD" });
const DATE = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "long",
  year: "numeric",
  timeZone: "UTC",
});
const UNITS = ["bytes", "kB", "MB", "GB", "TB", "PB"];

/** Return a number as in `1,204,331`. */
export function count(number: number): string {
  return NUMBER.format(number);
}

/** Return a number with its noun, as in `1 group` or `2,500 groups`. */
export function counted(number: number, noun: string): string {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** Return a size as in `3.1 MB`: powers of 1,000, as storage is billed; at most three digits. */
export function size(bytes: number): string {
  let [amount, unit] = [bytes, 0];
  // 999.5 would be rounded to 1,000.
  for (; amount >= (unit === 0 ? 1000 : 999.5) && unit < UNITS.length - 1; unit++) amount /= 1000;
  const digits = unit > 0 && amount < 9.95 ? 1 : 0;
  return `${amount.toFixed(digits)} ${bytes === 1 ? "byte" : UNITS[unit]}`;
}

/** Return an amount as in `$0.22`, or `less than $0.01`. */
export function money(dollars: number): string {
  return dollars > 0 && dollars < 0.01 ? "less than $0.01" : MONEY.format(dollars);
}

/** Return a day as in `12 March 2020`, from seconds since 1970. */
export function day(time: number): string {
  return DATE.format(time * 1000);
}
