// graphql-sse, distinct connections: node sse.mjs http://127.0.0.1:8080
import { createClient } from 'graphql-sse';
import { check, finish, orderToken, url, within } from './check.mjs';

const client = createClient({ url: url.href, retryAttempts: 0 });

async function results(payload, limit = 2) {
  const found = [];
  for await (const result of client.iterate(payload)) {
    found.push(result);
    if (found.length === limit) break;
  }
  return found;
}

const query = await within(5000, results({ query: '{ __typename }' }), 'query');
check('a query is one event', query.length === 1 && query[0].data?.__typename === 'Query', query);

const invalid = await within(5000, results({ query: '{ nothingOfThisName }' }), 'invalid').catch((error) => error);
check('an invalid document is an error', JSON.stringify(invalid).includes('GRAPHQL_VALIDATION_FAILED'), invalid);

const document = 'subscription S($token: String!) { orderUpdated(token: $token) { id status } }';
if (orderToken) {
  const order = await within(5000, results({ query: document, variables: { token: orderToken } }, 1), 'subscription');
  check('a subscription emits the present state', order[0]?.data?.orderUpdated?.status !== undefined, order);
} else {
  const order = await within(5000, results({ query: document, variables: { token: 'unknown' } }), 'subscription');
  check('a subscription to nothing is an error', order[0]?.errors?.length > 0, order);
}

// The bare protocol.
const accept = { accept: 'text/event-stream' };
const response = await fetch(`${url.href}?${new URLSearchParams({ query: '{ __typename }' })}`, { headers: accept });
const text = await response.text();
check('a GET streams', response.headers.get('content-type')?.startsWith('text/event-stream'), response.status);
check('next comes before complete', /^event: next\ndata: .*\n\nevent: complete\n/.test(text), text);
const body = JSON.stringify({ query: document, variables: { token: 'x' } });
const json = { 'content-type': 'application/json', accept: 'application/json' };
const refused = await fetch(url, { method: 'POST', headers: json, body });
check('a subscription that is not a stream is refused', refused.status === 406, refused.status);
const params = new URLSearchParams({ query: 'mutation { __typename }' });
const written = await fetch(`${url.href}?${params}`, { headers: accept });
check('a mutation by GET is refused', written.status === 405, written.status);
finish();
