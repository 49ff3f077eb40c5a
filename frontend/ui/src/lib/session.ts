/** Who is signed in. The access token lives in memory alone; the refresh token survives a reload of this tab. */

import type { components } from "../api/schema";
import { anonymous, answer, Problem, send } from "./http";
import { Observable } from "./observable";

export type User = { id: string; username: string; isStaff: boolean; scopes: ReadonlySet<string> };
type Tokens = components["schemas"]["Tokens"];
export type SessionState = { is: "restoring" } | { is: "out"; why?: string } | { is: "in"; user: User };

const KEY = "refresh";
const EARLY = 30_000; // milliseconds before its end at which a token is not used any more

export class Session extends Observable<SessionState> {
  #access = "";
  #expires = 0; // by performance.now(): a clock that is wrong does not matter
  #refreshing: Promise<void> | null = null;
  #timer = 0;

  constructor() {
    super(sessionStorage.getItem(KEY) ? { is: "restoring" } : { is: "out" });
    if (this.state.is === "restoring") void this.#restore();
  }

  async signIn(username: string, password: string): Promise<void> {
    this.#take(await answer(anonymous.POST("/api/v1/auth/token", { body: { username, password } })));
  }

  async signOut(): Promise<void> {
    const refresh = sessionStorage.getItem(KEY);
    this.#forget();
    if (refresh) await answer(anonymous.POST("/api/v1/auth/logout", { body: { refresh } })).catch(() => undefined);
  }

  /** A token that is good for a while yet. Raises `Problem`, and signs out where the refresh token is refused. */
  async token(): Promise<string> {
    if (performance.now() > this.#expires - EARLY) await this.refresh();
    return this.#access;
  }

  /** Sends it with a token. One that is refused is renewed once. */
  async send(request: Request): Promise<Response> {
    const again = request.clone(); // a body can be sent once
    const response = await this.#sendWith(await this.token(), request);
    if (response.status !== 401) return response;
    await this.refresh();
    return this.#sendWith(await this.token(), again);
  }

  #sendWith(token: string, request: Request): Promise<Response> {
    request.headers.set("Authorization", `Bearer ${token}`);
    return send(request);
  }

  /** New tokens for old. Several who ask at once share one request: a token that is used twice ends the sign-in. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = null));
    return this.#refreshing;
  }

  async #refresh(): Promise<void> {
    const refresh = sessionStorage.getItem(KEY);
    if (!refresh) throw new Problem({ status: 401, title: "Nobody is signed in" });
    try {
      this.#take(await answer(anonymous.POST("/api/v1/auth/token/refresh", { body: { refresh } })));
    } catch (error) {
      if (error instanceof Problem && error.status >= 400 && error.status < 500 && error.status !== 429)
        this.#forget("Your session has ended. Sign in again.");
      throw error;
    }
  }

  async #restore(): Promise<void> {
    for (let wait = 500; this.state.is === "restoring"; wait = Math.min(wait * 2, 5000)) {
      try {
        await this.refresh();
      } catch {
        await new Promise((done) => setTimeout(done, wait)); // the server is away: keep what is kept
      }
    }
  }

  #take(tokens: Tokens): void {
    const claims = claimsOf(tokens.access);
    this.#access = tokens.access;
    const lifetime = (claims.exp - claims.iat) * 1000;
    this.#expires = performance.now() + lifetime;
    sessionStorage.setItem(KEY, tokens.refresh);
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.refresh().catch(() => undefined), Math.max(lifetime - 2 * EARLY, 1000));
    const user = {
      id: claims.sub,
      username: claims.username,
      isStaff: claims.is_staff,
      scopes: new Set(claims.scope.split(" ").filter(Boolean)),
    };
    const known = this.state.is === "in" ? this.state.user : null;
    const same = known?.id === user.id && [...known.scopes].join() === [...user.scopes].join();
    if (!same) this.set({ is: "in", user });
  }

  #forget(why?: string): void {
    clearTimeout(this.#timer);
    sessionStorage.removeItem(KEY);
    this.#access = "";
    this.#expires = 0;
    this.set(why ? { is: "out", why } : { is: "out" });
  }
}

type Claims = { sub: string; username: string; is_staff: boolean; scope: string; exp: number; iat: number };

export function claimsOf(token: string): Claims {
  const part = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
  const bytes = Uint8Array.from(atob(part), (character) => character.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes)) as Claims;
}
