/** Storage where the browser forbids it, as if cookies are blocked: it lasts as long as the page. */

type Names = "localStorage" | "sessionStorage";
type Place = Pick<typeof globalThis, Names>;

/** Replace what the browser forbids; everything else stays. */
export function ensureStorage(place: Place): void {
  for (const name of ["localStorage", "sessionStorage"] as const) {
    if (!isAllowed(place, name)) Object.defineProperty(place, name, { value: memory() });
  }
}

function isAllowed(place: Place, name: Names): boolean {
  try {
    return Boolean(place[name]);
  } catch {
    return false;
  }
}

function memory(): Storage {
  const values = new Map<string, string>();
  return {
    get length() {
      return values.size;
    },
    getItem: (name) => values.get(name) ?? null,
    key: (at) => [...values.keys()][at] ?? null,
    setItem: (name, value) => void values.set(name, value),
    removeItem: (name) => void values.delete(name),
    clear: () => values.clear(),
  };
}
