/** The client that is made of the API's description, and the API's problem documents (RFC 9457) as errors. */

import createClient from "openapi-fetch";

import type { components, paths } from "../api/schema";

type Document = Omit<components["schemas"]["Problem"], "type"> & { type?: string };

/** `status` 0: no answer came, and whether the request had its effect is not known. */
export class Problem extends Error {
  readonly status: number;
  readonly type: string;
  readonly title: string;

  constructor(document: Document) {
    const errors = (document.errors ?? []).map((each) => (each.field ? `${each.field}: ${each.detail}` : each.detail));
    super([document.title, document.detail, ...errors].filter(Boolean).join(". ").replaceAll("..", "."));
    this.status = document.status;
    this.type = document.type ?? "";
    this.title = document.title;
  }

  /** Whether the same request may succeed later. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** Sends it. Raises `Problem` where no answer comes. */
export async function send(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem({ status: 0, title: "The server does not answer" });
  }
}

/** A client whose requests go out by `by`. It takes the paths, parameters and bodies of the description, and no others. */
export function client(by: typeof send) {
  return createClient<paths>({ baseUrl: location.origin, fetch: by });
}

/** The API as anybody. */
export const anonymous = client(send);

/** The JSON answer to a request of a client. Raises `Problem`. */
export async function answer<T>(asked: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await asked;
  if (response.ok) return data as T;
  throw new Problem({ ...documentOf(error), status: response.status });
}

function documentOf(error: unknown): Document {
  if (typeof error === "object" && error !== null) return error as Document;
  return { status: 0, title: "The server answered what is no JSON" };
}

type Given<T> = { [Name in keyof T]?: Exclude<T[Name], "" | null | undefined> };

/** The parameters that are not empty. */
export function given<T extends object>(parameters: T): Given<T> {
  const found = Object.entries(parameters).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return Object.fromEntries(found) as Given<T>;
}
