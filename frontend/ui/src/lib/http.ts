/** Requests to the API, and its problem documents (RFC 9457) as errors. */

type Document = {
  status: number;
  title: string;
  type?: string;
  detail?: string;
  errors?: { field: string; detail: string }[];
};

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

export type Options = {
  method?: "GET" | "POST";
  body?: unknown;
  token?: string;
  key?: string; // the Idempotency-Key
  signal?: AbortSignal;
};

/** The JSON answer of `/api/v1/{path}`. Raises `Problem`. */
export async function send(path: string, { method = "GET", body, token, key, signal }: Options = {}): Promise<unknown> {
  const headers: Record<string, string> = {};
  if (token) headers["Authorization"] = `Bearer ${token}`;
  if (key) headers["Idempotency-Key"] = key;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response: Response;
  try {
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    response = await fetch(`/api/v1/${path}`, { method, headers, ...content, ...(signal ? { signal } : {}) });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem({ status: 0, title: "The server does not answer" });
  }
  const text = await response.text();
  if (response.ok) return text ? JSON.parse(text) : null;
  throw new Problem({ ...documentOf(text), status: response.status });
}

function documentOf(text: string): Document {
  try {
    return JSON.parse(text) as Document;
  } catch {
    return { status: 0, title: "The server answered what is no JSON" };
  }
}
