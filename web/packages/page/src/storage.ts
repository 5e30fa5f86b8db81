/**
 * Storage also where the browser forbids it, as it does if cookies are blocked, or has no room for
 * more. What the browser does not keep lasts as long as the page.
 */

type Names = "localStorage" | "sessionStorage";
type Place = Pick<typeof globalThis, Names>;

/** Replace both storages by ones that always accept values. */
export function ensureStorage(place: Place): void {
  for (const name of ["localStorage", "sessionStorage"] as const) {
    Object.defineProperty(place, name, { value: lasting(find(place, name)) });
  }
}

/** Return a storage of the browser; undefined if it is forbidden. */
function find(place: Place, name: Names): Storage | undefined {
  try {
    return place[name];
  } catch {
    return undefined;
  }
}

/** Return a storage that holds in memory what the browser does not keep. */
function lasting(kept: Storage | undefined): Storage {
  const held = new Map<string, string>();
  const names = () => [...new Set([...Object.keys(kept ?? {}), ...held.keys()])];
  return {
    get length() {
      return names().length;
    },
    key: (at) => names()[at] ?? null,
    getItem: (name) => held.get(name) ?? kept?.getItem(name) ?? null,
    setItem: (name, value) => {
      held.set(name, value);
      try {
        kept?.setItem(name, value);
        if (kept) held.delete(name); // another tab may change it
      } catch {
        // There is no room: it stays here.
      }
    },
    removeItem: (name) => {
      held.delete(name);
      kept?.removeItem(name);
    },
    clear: () => {
      held.clear();
      kept?.clear();
    },
  };
}
