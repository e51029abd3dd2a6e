// graphql-transport-ws: node ws.mjs http://127.0.0.1:8080
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { check, finish, orderToken, url, within } from './check.mjs';

const address = url.href.replace('http', 'ws');

function client(options = {}) {
  return createClient({ url: address, webSocketImpl: WebSocket, retryAttempts: 0, ...options });
}

async function results(from, payload, limit = 1) {
  const found = [];
  for await (const result of from.iterate(payload)) {
    found.push(result);
    if (found.length === limit) break;
  }
  return found;
}

async function failure(promise) {
  try {
    return { value: await promise };
  } catch (error) {
    return { error };
  }
}

// Queries, errors before execution and several operations on one socket.
{
  const anonymous = client();
  const [query] = await within(5000, results(anonymous, { query: '{ __typename }' }, 2), 'query');
  check('a query is answered', query?.data?.__typename === 'Query', query);
  const named = { query: 'query A($x: Boolean!) { shop { name @include(if: $x) } } query B { b: __typename }' };
  const [b] = await results(anonymous, { ...named, operationName: 'B' });
  check('an operation is chosen by name', b?.data?.b === 'Query', b);
  const mutation = await results(anonymous, { query: 'mutation { __typename }' });
  check('a mutation is answered', mutation[0]?.data?.__typename === 'Mutation', mutation);
  for (const [query, code] of [
    ['{', 'GRAPHQL_PARSE_FAILED'],
    ['{ nothingOfThisName }', 'GRAPHQL_VALIDATION_FAILED'],
    [`{ ${Array.from({ length: 40 }, (_, i) => `a${i}: __typename`).join(' ')} }`, 'LIMIT_EXCEEDED'],
  ]) {
    const { error } = await failure(results(anonymous, { query }));
    check(`an error message carries ${code}`, Array.isArray(error) && error[0]?.extensions?.code === code, error);
    check('and a request id', typeof error?.[0]?.extensions?.requestId === 'string', error);
  }
  const many = Array.from({ length: 50 }, () => results(anonymous, { query: '{ __typename }' }));
  const answers = await within(10000, Promise.all(many), 'fifty operations');
  check('fifty operations at once', answers.every(([answer]) => answer?.data?.__typename === 'Query'), answers.length);

  const document = 'subscription S($token: String!) { orderUpdated(token: $token) { id status } }';
  if (orderToken) {
    const [order] = await within(
      5000,
      results(anonymous, { query: document, variables: { token: orderToken } }),
      'subscription',
    );
    check('a subscription emits the present state', order?.data?.orderUpdated?.status !== undefined, order);
  } else {
    const { value, error } = await failure(
      within(5000, results(anonymous, { query: document, variables: { token: 'unknown' } }), 'subscription'),
    );
    const errors = error ?? value?.[0]?.errors;
    check('a subscription to nothing is an error', Array.isArray(errors) && errors.length > 0, value ?? error);
  }
  await anonymous.dispose();
}

// A token that is not valid.
{
  const stranger = client({ connectionParams: { Authorization: 'Bearer nonsense' } });
  const { error } = await failure(results(stranger, { query: '{ __typename }' }));
  check('a bad token closes with 4403', error?.code === 4403, error?.code ?? error);
}

// Close codes, without a library in between.
function closed(protocols, send, wait = 15000) {
  const code = new Promise((resolve, reject) => {
    const socket = new WebSocket(address, protocols);
    const say = (message) => socket.send(typeof message === 'string' ? message : JSON.stringify(message));
    socket.on('open', () => send.open?.(say, socket));
    socket.on('message', (data) => send.message?.(JSON.parse(data.toString()), say));
    socket.on('close', resolve);
    socket.on('error', reject);
  });
  return within(wait, code, 'close');
}

const protocol = 'graphql-transport-ws';
const init = { type: 'connection_init' };
const subscription = (id, query = 'subscription { __typename }') => ({ type: 'subscribe', id, payload: { query } });
const onAck = (action) => ({
  open: (say) => say(init),
  message: (message, say) => message.type === 'connection_ack' && action(say),
});

const cases = [
  ['not JSON', 4400, { open: (say) => say('hello') }],
  ['an unknown type', 4400, { open: (say) => say({ type: 'start' }) }],
  ['a message that is a list', 4400, { open: (say) => say([]) }],
  ['parameters that are text', 4400, { open: (say) => say({ type: 'connection_init', payload: 'x' }) }],
  ['a binary message', 4400, { open: (_, socket) => socket.send(Buffer.from('{}')) }],
  ['a subscription without a query', 4400, onAck((say) => say({ type: 'subscribe', id: '1', payload: {} }))],
  ['a subscription without an id', 4400, onAck((say) => say({ type: 'subscribe', payload: { query: '{ __typename }' } }))],
  ['an empty id', 4400, onAck((say) => say(subscription('')))],
  ['subscribe before init', 4401, { open: (say) => say(subscription('1')) }],
  ['a bad token', 4403, { open: (say) => say({ ...init, payload: { authorization: 'Bearer x' } }) }],
  ['a token of no scheme', 4403, { open: (say) => say({ ...init, payload: { Authorization: 7 } }) }],
  ['no init', 4408, {}],
  ['a second init', 4429, onAck((say) => say(init))],
  ['two inits at once', 4429, { open: (say) => { say(init); say(init); } }],
  ['a message that is too large', 1009, { open: (say) => say(`"${'x'.repeat(3_000_000)}"`) }],
];
await Promise.all(
  cases.map(async ([name, expected, send]) => {
    const code = await closed(protocol, send).catch((error) => error.message);
    check(`${name} closes with ${expected}`, code === expected, code);
  }),
);

// Many at once under one id: the second one finds the first one running.
{
  const code = await closed(
    protocol,
    onAck((say) => {
      for (let i = 0; i < 20; i += 1) say(subscription('same', '{ __schema { types { name fields { name } } } }'));
    }),
  ).catch((error) => error.message);
  check('a subscriber that exists closes with 4409', code === 4409, code);
}

// Another subprotocol, or none.
check('no subprotocol closes with 4406', (await closed([], {})) === 4406, 'another code');

// Ping and pong, and an id that is used again after its end.
{
  const heard = [];
  await closed(
    protocol,
    {
      open: (say) => say(init),
      message: (message, say) => {
        heard.push(message);
        if (message.type === 'connection_ack') say({ type: 'ping', payload: { n: 1 } });
        if (message.type === 'pong') say(subscription('again', '{ __typename }'));
        if (message.type === 'complete' && heard.filter(({ type }) => type === 'complete').length === 1) {
          say({ type: 'pong' });
          say(subscription('again', '{ __typename }'));
        } else if (message.type === 'complete') {
          say('end');
        }
      },
    },
  );
  const types = heard.map(({ type }) => type).join(' ');
  check('ping, pong and an id used twice', types === 'connection_ack pong next complete next complete', types);
  check('a pong returns the payload', heard[1]?.payload?.n === 1, heard[1]);
}
finish();
