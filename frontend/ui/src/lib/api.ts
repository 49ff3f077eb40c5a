/** The API as the one who is signed in. */

import { type Options, Problem, send } from "./http";
import { Session } from "./session";

export const session = new Session();

/** The JSON answer. Raises `Problem`. A token that is refused is renewed once. */
export async function api<T>(path: string, options: Omit<Options, "token"> = {}): Promise<T> {
  const token = await session.token();
  try {
    return (await send(path, { ...options, token })) as T;
  } catch (error) {
    if (!(error instanceof Problem && error.status === 401)) throw error;
    await session.refresh();
    return (await send(path, { ...options, token: await session.token() })) as T;
  }
}

/** For an `Idempotency-Key`. `crypto.randomUUID` is there only over TLS and on localhost. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The path with a query of those parameters that are not empty. */
export function withQuery(path: string, parameters: Record<string, string | number | null | undefined>): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const query = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return query ? `${path}?${query}` : path;
}
