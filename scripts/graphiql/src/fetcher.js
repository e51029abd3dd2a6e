// Sends operations to the server: queries and mutations as a POST,
// subscriptions over a WebSocket (graphql-transport-ws).
import { getOperationAST, parse } from 'graphql';
import { createClient } from 'graphql-ws';

export function createFetcher(url) {
  const socketUrl = new URL(url);
  socketUrl.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';

  return (params, options) => {
    const headers = options?.headers ?? {};
    return isSubscription(params)
      ? subscribe(socketUrl.href, params, headers)
      : post(url.href, params, headers);
  };
}

function isSubscription({ query, operationName }) {
  try {
    const operation = getOperationAST(parse(query), operationName);
    return operation?.operation === 'subscription';
  } catch {
    // Not a valid document: the server explains it better.
    return false;
  }
}

// GraphiQL prints the stack of an error, which says nothing here.
function failure(message) {
  const error = new Error(message);
  error.stack = undefined;
  return error;
}

async function post(url, params, headers) {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      Accept: 'application/graphql-response+json, application/json',
      ...headers,
    },
    body: JSON.stringify(params),
  }).catch((error) => {
    throw failure(`No answer from ${url}: ${error.message}`);
  });
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    const status = `${response.status} ${response.statusText}`.trim();
    throw failure(`The server answered ${status}, not JSON: ${text.slice(0, 500)}`);
  }
}

// One socket for each running subscription: the headers in the editor at that
// moment become the connection parameters.
function subscribe(url, params, headers) {
  return {
    subscribe(observer) {
      const client = createClient({
        url,
        connectionParams: headers,
        retryAttempts: 0,
        lazy: true,
      });
      let done = false;
      const finish = (call) => {
        if (done) return;
        done = true;
        call();
        client.dispose();
      };
      const stop = client.subscribe(params, {
        next: (value) => {
          if (!done) observer.next(value);
        },
        error: (error) => finish(() => observer.error(readable(error))),
        complete: () => finish(() => observer.complete()),
      });
      return { unsubscribe: () => finish(stop) };
    },
  };
}

// A failed subscription gives a close event, an error event, an Error or a
// list of GraphQL errors. GraphiQL prints an Error or a list.
function readable(error) {
  if (error instanceof Error || Array.isArray(error)) return error;
  if (typeof error?.code === 'number') {
    const reason = error.reason ? `: ${error.reason}` : '';
    return failure(`The server closed the WebSocket with code ${error.code}${reason}`);
  }
  return failure('The WebSocket connection failed');
}
