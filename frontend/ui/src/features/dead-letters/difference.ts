/** What differs between two states, as lines of a path with its values before and after. */

export type Change = { path: string; before: string; after: string };

export function difference(before: unknown, after: unknown): Change[] {
  const [one, other] = [flat(before), flat(after)];
  const paths = [...new Set([...one.keys(), ...other.keys()])];
  return paths
    .filter((path) => one.get(path) !== other.get(path))
    .map((path) => ({ path, before: one.get(path) ?? "", after: other.get(path) ?? "" }));
}

function flat(value: unknown, path = "", into = new Map<string, string>()): Map<string, string> {
  if (value !== null && typeof value === "object" && Object.keys(value).length > 0) {
    for (const [name, below] of Object.entries(value)) {
      const step = Array.isArray(value) ? `[${name}]` : path ? `.${name}` : name;
      flat(below, path + step, into);
    }
  } else if (value !== undefined && !(value === null && path === "")) into.set(path, JSON.stringify(value));
  return into;
}
