// Subscriptions over one WebSocket, by the protocol graphql-transport-ws. It connects again by itself.

import { ApiError } from './session.js';

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
/** How often the server is asked whether it is there; no word until the next time, and the connection is dead. */
const PING_EVERY_MS = 10_000;
/** How long connecting may take. */
const PATIENCE_MS = 10_000;
/** After an error of the server that may pass. */
const ASK_AGAIN_MS = 3_000;

/** `onStatus({ open, retryAt })`: whether there is a connection, and when the next try is if there is none. */
export class Live {
  #session;
  #socket = null;
  #next = null;
  #wanted = false;
  #wait = FIRST_WAIT_MS;
  #timer = null;
  #heardAt = 0;
  #pingedAt = 0;
  #subscriptions = new Map();
  #count = 0;
  onStatus = () => {};

  constructor(session) {
    this.#session = session;
    addEventListener('online', () => this.connectNow());
    document.addEventListener('visibilitychange', () => document.hidden || this.connectNow());
    setInterval(() => this.#look(), PING_EVERY_MS);
  }

  start() {
    this.#wanted = true;
    this.#connect();
  }

  stop() {
    this.#wanted = false;
    clearTimeout(this.#timer);
    for (const socket of [this.#socket, this.#next]) socket?.close(1000);
    this.#socket = this.#next = null;
    this.#subscriptions.clear();
  }

  /** Without waiting for the next try, if there is no connection. */
  connectNow() {
    if (!this.#wanted || this.#socket || this.#next) return;
    this.#wait = FIRST_WAIT_MS;
    this.#connect();
  }

  /** With the session's new token, before the old one expires; the old connection serves until the new one stands. */
  renew() {
    if (this.#wanted) this.#connect();
  }

  /**
   * Follows a subscription until the function that is returned is called, or it completes or fails for good. `next(data)`,
   * `error(error)` and `complete()` are told. The server begins with the present state, also after a reconnect.
   */
  subscribe(document, variables, { next, error, complete }) {
    const id = String(++this.#count);
    this.#subscriptions.set(id, { document, variables, next, error, complete });
    if (this.#socket) this.#ask(this.#socket, id);
    return () => {
      if (this.#subscriptions.delete(id) && this.#socket) send(this.#socket, { type: 'complete', id });
    };
  }

  async #connect() {
    clearTimeout(this.#timer);
    if (this.#next) return;
    // Holds the place while the token is fetched.
    const place = { close() {} };
    this.#next = place;
    this.#report();
    let token;
    try {
      token = await this.#session.freshToken();
    } catch {
      if (this.#next === place) this.#failed();
      return;
    }
    if (this.#next !== place) return;
    const address = new URL('/graphql', location.href);
    address.protocol = address.protocol.replace('http', 'ws');
    const socket = new WebSocket(address, 'graphql-transport-ws');
    this.#next = socket;
    const patience = setTimeout(() => socket.close(), PATIENCE_MS);
    socket.onopen = () => send(socket, { type: 'connection_init', payload: { Authorization: `Bearer ${token}` } });
    socket.onmessage = ({ data }) => {
      this.#heardAt = Date.now();
      const message = JSON.parse(data);
      if (message.type === 'connection_ack') {
        clearTimeout(patience);
        this.#opened(socket);
      } else if (socket === this.#socket) {
        this.#receive(socket, message);
      }
    };
    socket.onclose = ({ code }) => {
      clearTimeout(patience);
      if (socket === this.#next || socket === this.#socket) this.#closed(socket, code);
    };
  }

  #opened(socket) {
    if (socket !== this.#next) return;
    const old = this.#socket;
    this.#socket = socket;
    this.#next = null;
    this.#wait = FIRST_WAIT_MS;
    old?.close(1000);
    for (const id of this.#subscriptions.keys()) this.#ask(socket, id);
    this.#report();
  }

  #ask(socket, id) {
    const { document: query, variables } = this.#subscriptions.get(id);
    send(socket, { type: 'subscribe', id, payload: { query, variables } });
  }

  #receive(socket, { type, id, payload }) {
    if (type === 'ping') return send(socket, { type: 'pong' });
    const subscription = this.#subscriptions.get(id);
    if (!subscription) return undefined;
    if (type === 'next') {
      return payload.errors ? subscription.error?.(ApiError.from(payload.errors)) : subscription.next(payload.data);
    }
    if (type === 'complete') {
      this.#subscriptions.delete(id);
      return subscription.complete?.();
    }
    if (type !== 'error') return undefined;
    const error = ApiError.from(payload);
    if (['UNAVAILABLE', 'TIMEOUT', 'INTERNAL'].includes(error.code)) {
      setTimeout(() => this.#socket === socket && this.#subscriptions.has(id) && this.#ask(socket, id), ASK_AGAIN_MS);
    } else {
      this.#subscriptions.delete(id);
    }
    return subscription.error?.(error);
  }

  async #closed(socket, code) {
    if (socket === this.#next) this.#next = null;
    else this.#socket = null;
    if (!this.#wanted || this.#socket) return;
    if (code === 4403) {
      // The token was refused. Asking who we are refreshes it, or ends the session.
      await this.#session.loadViewer().catch(() => {});
      if (!this.#wanted || this.#socket || this.#next) return;
    }
    this.#failed();
  }

  #failed() {
    this.#next = null;
    if (!this.#wanted || this.#socket) return;
    const wait = this.#wait * (0.75 + Math.random() / 2);
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), wait);
    this.#report(Date.now() + wait);
  }

  // A connection that died without a word is noticed by its silence.
  #look() {
    const socket = this.#socket;
    if (!socket) return;
    if (this.#heardAt < this.#pingedAt) {
      socket.onclose = null;
      socket.close();
      this.#closed(socket, 1006);
    } else {
      this.#pingedAt = Date.now();
      send(socket, { type: 'ping' });
    }
  }

  #report(retryAt = null) {
    this.onStatus({ open: Boolean(this.#socket), retryAt });
  }
}

function send(socket, message) {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}
