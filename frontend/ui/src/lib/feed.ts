/** The live feed: one WebSocket, which comes back by itself and says when what is shown is old. */

import { extended, type History, NO_HISTORY } from "./history";
import { Observable } from "./observable";
import { OrderStore } from "./orders";
import type { Frame, Pipeline } from "./types";

/** `stale`: nothing came since `since` (a time in milliseconds), or ever. */
export type Link = { is: "connecting" } | { is: "live" } | { is: "stale"; since: number | null };
export type Stats = { latest: Pipeline | null; history: History };

const SILENCE = 5000; // milliseconds without a frame, of a feed that has one each second
const MOST_WAIT = 5000;

export class Feed {
  readonly orders = new OrderStore();
  readonly stats = new Observable<Stats>({ latest: null, history: NO_HISTORY });
  readonly link = new Observable<Link>({ is: "connecting" });
  #socket: WebSocket | null = null;
  #failures = 0;
  #lastFrame: number | null = null;
  #timer = 0;
  #watch = 0;
  #run = 0; // of the latest start: what an earlier one has left behind does nothing
  #ticket: () => Promise<string>;
  #ticking = false;

  /** `ticket` gives a new one-use ticket each time. */
  constructor(ticket: () => Promise<string>) {
    this.#ticket = ticket;
  }

  /** `ticking`: the holder gets figures each second, so silence means that something is wrong. */
  start(ticking: boolean): void {
    this.stop();
    this.#ticking = ticking;
    this.#watch = window.setInterval(() => this.#listen(), 1000);
    void this.#connect(this.#run);
  }

  /** Forgets all that it was told: the next one who signs in may not see it. */
  stop(): void {
    this.#run++;
    clearTimeout(this.#timer);
    clearInterval(this.#watch);
    this.#socket?.close();
    this.#socket = null;
    this.#failures = 0;
    this.#lastFrame = null;
    this.orders.forget();
    this.stats.set({ latest: null, history: NO_HISTORY });
    this.link.set({ is: "connecting" });
  }

  async #connect(run: number): Promise<void> {
    let ticket: string;
    try {
      ticket = await this.#ticket();
    } catch {
      if (run === this.#run) this.#later(run);
      return;
    }
    if (run !== this.#run) return;
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/orders/`);
    this.#socket = socket;
    socket.onopen = () => socket.send(JSON.stringify({ ticket }));
    socket.onmessage = (message: MessageEvent<string>) => {
      if (run === this.#run && socket === this.#socket) this.#take(JSON.parse(message.data) as Frame);
    };
    socket.onclose = (event) => {
      if (run !== this.#run || socket !== this.#socket) return;
      this.#socket = null;
      const isExpiry = event.code === 4410 || event.code === 4401; // a new ticket is all that it takes
      if (isExpiry && this.#failures === 0) {
        this.#failures = 1;
        void this.#connect(run);
      } else this.#later(run);
    };
  }

  #later(run: number): void {
    this.#goStale();
    const most = Math.min(250 * 2 ** this.#failures++, MOST_WAIT);
    this.#timer = window.setTimeout(() => void this.#connect(run), most * (0.5 + Math.random() / 2));
  }

  #take(frame: Frame): void {
    this.#lastFrame = Date.now();
    switch (frame.type) {
      case "snapshot":
        this.#failures = 0;
        this.orders.replace(frame.orders);
        if (frame.pipeline) this.#record(frame.pipeline);
        break;
      case "order.updated":
        this.orders.update([frame.order]);
        break;
      case "orders.updated":
        this.orders.update(frame.orders, frame.skipped);
        break;
      case "pipeline.stats":
        this.#record(frame);
    }
    if (this.link.state.is !== "live") this.link.set({ is: "live" });
  }

  #record(stats: Pipeline): void {
    this.stats.set({ latest: stats, history: extended(this.stats.state.history, stats) });
  }

  #listen(): void {
    if (!this.#ticking || !this.#socket || this.#lastFrame === null) return;
    if (Date.now() - this.#lastFrame > SILENCE) this.#goStale();
    // A connection whose other end is gone says nothing by itself: a new one is made, and tells.
    if (Date.now() - this.#lastFrame > 3 * SILENCE) this.#socket.close();
  }

  #goStale(): void {
    if (this.link.state.is !== "stale") this.link.set({ is: "stale", since: this.#lastFrame });
  }
}
