// Who is signed in, and requests in that person's name.

import { learnTime, now } from './text.js';

/** Per tab: closing it forgets the session. */
const STORE = 'ironmonger.jobs.session';
/** A token that is good for less than this is refreshed before it is used. */
const REFRESH_BEFORE_MS = 60_000;

const TOKENS = 'accessToken accessTokenExpiresAt refreshToken userErrors { message }';
const SIGN_IN = `mutation SignIn($input: SessionCreateInput!) { sessionCreate(input: $input) { ${TOKENS} } }`;
const REFRESH = `mutation Refresh($input: SessionRefreshInput!) { sessionRefresh(input: $input) { ${TOKENS} } }`;
const SIGN_OUT = 'mutation SignOut { sessionRevoke { userErrors { message } } }';
const VIEWER = 'query Viewer { viewer { email permissions } }';

/** What went wrong, in words for a person; `code` is the API's, or NETWORK. */
export class ApiError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }

  /** From the errors of a GraphQL response. */
  static from([{ message, extensions }]) {
    const code = extensions?.code ?? 'INTERNAL';
    const permission = code === 'FORBIDDEN' && message.match(/permission ([A-Z_]+)/)?.[1];
    if (permission) return new ApiError(code, `You need the permission ${permission}.`);
    const id = code === 'INTERNAL' && extensions?.requestId;
    return new ApiError(code, id ? `${message} (request ${id})` : message);
  }
}

/** The session of this tab. `onEnd(message)` is called when it is over without being asked for. */
export class Session {
  #tokens = null;
  #refreshing = null;
  #timer = null;
  #release = null;
  onEnd = () => {};
  onRefresh = () => {};
  viewer = null;

  /** Whether somebody is signed in from before this page was loaded. */
  async restore() {
    let stored;
    try {
      stored = JSON.parse(sessionStorage.getItem(STORE));
    } catch {
      // Not ours; it is overwritten at the next sign-in.
    }
    if (!stored?.refreshToken || !(await this.#claim(stored.id))) return false;
    this.#keep(stored);
    return true;
  }

  async signIn(email, password) {
    const tokens = await this.#mutate(SIGN_IN, { email, password });
    const id = crypto.getRandomValues(new Uint32Array(2)).join('-');
    await this.#claim(id);
    this.#keep({ ...tokens, id });
  }

  async signOut() {
    const token = this.#tokens?.accessToken;
    this.#forget();
    // Gone here in any case; there, by the end of the token at the latest.
    if (token) await post(SIGN_OUT, {}, token).catch(() => {});
  }

  /** Reads who this is and what that person may do. */
  async loadViewer() {
    const { viewer } = await this.query(VIEWER);
    this.viewer = viewer;
    return viewer;
  }

  may(permission) {
    return this.viewer?.permissions.includes(permission) ?? false;
  }

  /** The data of a document. */
  async query(document, variables = {}) {
    let token = await this.freshToken();
    let answer = await post(document, variables, token);
    if (answer.errors?.[0].extensions?.code === 'UNAUTHENTICATED') {
      token = await this.#refresh();
      answer = await post(document, variables, token);
    }
    if (answer.errors) throw ApiError.from(answer.errors);
    return answer.data;
  }

  /** The payload of a mutation; its user errors are thrown. */
  async change(document, variables) {
    const [payload] = Object.values(await this.query(document, variables));
    if (payload.userErrors.length > 0) throw new ApiError('USER', payload.userErrors.map(({ message }) => message).join(' '));
    return payload;
  }

  /** An access token that does not expire within moments. */
  async freshToken() {
    if (!this.#tokens) throw new ApiError('UNAUTHENTICATED', 'Sign in first.');
    return this.#expiresIn() < 10_000 ? this.#refresh() : this.#tokens.accessToken;
  }

  #expiresIn() {
    return Date.parse(this.#tokens.accessTokenExpiresAt) - now();
  }

  // A refresh token is good for one use, so there is one refresh at a time.
  #refresh() {
    this.#refreshing ??= this.#refreshOnce().finally(() => { this.#refreshing = null; });
    return this.#refreshing;
  }

  async #refreshOnce() {
    const tokens = this.#tokens;
    if (!tokens) throw new ApiError('UNAUTHENTICATED', 'Sign in first.');
    let next;
    try {
      next = await this.#mutate(REFRESH, { refreshToken: tokens.refreshToken });
    } catch (error) {
      if (error.code === 'USER' && this.#tokens === tokens) {
        this.#forget();
        this.onEnd('Your session has ended. Sign in again.');
      } else if (this.#tokens) {
        this.#plan(5_000);
      }
      throw error;
    }
    // Signed out meanwhile.
    if (this.#tokens !== tokens) throw new ApiError('UNAUTHENTICATED', 'Sign in first.');
    this.#keep({ ...next, id: tokens.id });
    this.onRefresh();
    return next.accessToken;
  }

  // Without a bearer: one that has expired would be refused whatever it asks for.
  async #mutate(document, input) {
    const answer = await post(document, { input }, null);
    if (answer.errors) throw ApiError.from(answer.errors);
    const [payload] = Object.values(answer.data);
    if (payload.userErrors.length > 0) throw new ApiError('USER', payload.userErrors[0].message);
    return payload;
  }

  #keep({ accessToken, accessTokenExpiresAt, refreshToken, id }) {
    this.#tokens = { accessToken, accessTokenExpiresAt, refreshToken, id };
    sessionStorage.setItem(STORE, JSON.stringify(this.#tokens));
    const left = this.#expiresIn();
    this.#plan(Math.max(left - REFRESH_BEFORE_MS, left / 2, 1_000));
  }

  #plan(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#refresh().catch(() => {}), ms);
  }

  #forget() {
    clearTimeout(this.#timer);
    this.#tokens = null;
    this.viewer = null;
    this.#release?.();
    sessionStorage.removeItem(STORE);
  }

  // A tab that is duplicated takes its store along. Two tabs with one refresh token would end the session for both, so the
  // second one has to sign in for itself. The lock of a tab that is only reloaded comes free at once.
  #claim(id) {
    if (!navigator.locks) return true;
    return new Promise((resolve) => {
      const held = () => {
        resolve(true);
        return new Promise((release) => { this.#release = release; });
      };
      navigator.locks.request(`${STORE}.${id}`, { signal: AbortSignal.timeout(1_500) }, held).catch(() => resolve(false));
    });
  }
}

async function post(query, variables, token) {
  let response;
  try {
    response = await fetch('/graphql', {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        Accept: 'application/json',
        ...(token && { Authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({ query, variables }),
      cache: 'no-store',
    });
  } catch {
    throw new ApiError('NETWORK', 'The server cannot be reached.');
  }
  learnTime(response);
  try {
    return await response.json();
  } catch {
    throw new ApiError('NETWORK', `The server gave no answer that can be read (status ${response.status}).`);
  }
}
