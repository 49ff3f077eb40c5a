/** The feed of this page, which follows who is signed in. */

import { api, session } from "./api";
import { Feed } from "./feed";
import { answer } from "./http";

export const feed = new Feed(async () => (await answer(api.POST("/api/v1/auth/ws-ticket"))).ticket);

function follow(): void {
  const state = session.state;
  if (state.is === "in") feed.start(state.user.scopes.has("pipeline:read"));
  else feed.stop();
}

session.subscribe(follow);
follow();
