/** The API as the one who is signed in. */

import { client } from "./http";
import { Session } from "./session";

export const session = new Session();

export const api = client((request) => session.send(request));

/** For an `Idempotency-Key`. `crypto.randomUUID` is there only over TLS and on localhost. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
