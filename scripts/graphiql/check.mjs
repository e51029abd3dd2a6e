// Opens the GraphiQL page of a running server in Chromium and tries it.
//
//   node check.mjs BASE_URL [QUERY] [options]
//
//   BASE_URL              for example http://127.0.0.1:4000
//   QUERY                 opened as /graphiql?query=...; otherwise the page's own
//   --subscription TEXT   also run this subscription and wait for one event
//   --playwright DIR      a folder whose node_modules has playwright-core
//                         (or set NODE_PATH)
//   --chromium PATH       default /usr/bin/chromium
//   --screenshot FILE     write a picture of the page after the query ran
//
// Prints requests to other hosts, console errors and the result. Exits with 1
// when something is wrong.
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    subscription: { type: 'string' },
    playwright: { type: 'string' },
    chromium: { type: 'string', default: '/usr/bin/chromium' },
    screenshot: { type: 'string' },
  },
});
const [baseUrl, query] = positionals;
if (!baseUrl) {
  console.error('usage: node check.mjs BASE_URL [QUERY] [--subscription TEXT] [--playwright DIR] [--screenshot FILE]');
  process.exit(2);
}

const require = createRequire(values.playwright ? join(resolve(values.playwright), 'x.js') : import.meta.url);
const { chromium } = require('playwright-core');

const base = new URL(baseUrl);
const problems = [];
const foreign = new Set();
const consoleErrors = [];
const assets = new Map();
const posts = [];
const sockets = [];

const ok = (condition, text) => {
  console.log(`${condition ? 'ok  ' : 'FAIL'} ${text}`);
  if (!condition) problems.push(text);
};

const browser = await chromium.launch({
  executablePath: values.chromium,
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
});

async function open(address) {
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 } });
  // Requests of workers too: a page route does not see all of them.
  await context.route(
    (url) => /^(https?|wss?):$/.test(url.protocol) && url.host !== base.host,
    (route) => {
      foreign.add(route.request().url());
      return route.abort();
    },
  );
  context.on('request', (request) => {
    const url = new URL(request.url());
    if (/^(https?|wss?):$/.test(url.protocol) && url.host !== base.host) foreign.add(request.url());
    if (request.method() === 'POST') posts.push({ url, headers: request.headers(), body: request.postData() });
  });
  context.on('requestfailed', (request) => {
    problems.push(`request failed: ${request.url()} ${request.failure()?.errorText}`);
  });
  context.on('response', (response) => {
    const url = new URL(response.url());
    if (response.status() >= 400 && url.pathname !== '/favicon.ico') {
      problems.push(`status ${response.status()} for ${response.url()}`);
    }
    if (url.pathname.startsWith('/graphiql/assets/')) assets.set(url.pathname.split('/').pop(), { url, response });
  });
  const page = await context.newPage();
  page.on('console', (message) => {
    if (message.type() === 'error') consoleErrors.push(`${message.text()} (${message.location().url})`);
    else if (message.type() === 'warning') console.log(`     console warning: ${message.text()}`);
  });
  page.on('pageerror', (error) => consoleErrors.push(String(error.stack ?? error)));
  page.on('websocket', (socket) => {
    const entry = { url: new URL(socket.url()), sent: [], received: [] };
    if (entry.url.host !== base.host) foreign.add(socket.url());
    socket.on('framesent', ({ payload }) => entry.sent.push(payload));
    socket.on('framereceived', ({ payload }) => entry.received.push(payload));
    sockets.push(entry);
  });
  const response = await page.goto(address.href, { waitUntil: 'load' });
  await page.waitForSelector('.graphiql-query-editor .monaco-editor .view-line', { timeout: 30_000 });
  return { page, response, context };
}

const modelValue = (page, name) =>
  page.evaluate((n) => globalThis.__MONACO.editor.getModels().find((m) => m.uri.path.endsWith(n))?.getValue() ?? '', name);

const setModel = (page, name, text) =>
  page.evaluate(
    ([n, t]) => globalThis.__MONACO.editor.getModels().find((m) => m.uri.path.endsWith(n)).setValue(t),
    [name, text],
  );

async function result(page) {
  await page.waitForFunction(
    () => globalThis.__MONACO.editor.getModels().find((m) => m.uri.path.endsWith('response.json'))?.getValue(),
    undefined,
    { timeout: 20_000 },
  );
  return modelValue(page, 'response.json');
}

const page1 = new URL('/graphiql', base);
if (query) page1.searchParams.set('query', query);

try {
  const { page, response, context } = await open(page1);
  console.log(`     content-security-policy: ${response.headers()['content-security-policy'] ?? '(none)'}`);
  ok((await page.title()) === 'Ironmonger · GraphiQL', `title is "${await page.title()}"`);

  const editorText = await modelValue(page, 'operation.graphql');
  ok(query ? editorText === query : /query Products/.test(editorText), 'the editor holds the expected query');

  // A header in the editor goes with every request.
  await page.click('button[data-name="headers"]');
  await page.waitForFunction(() => globalThis.__MONACO.editor.getModels().some((m) => m.uri.path.endsWith('request-headers.json')));
  await setModel(page, 'request-headers.json', '{ "X-Check": "one" }');
  await page.waitForTimeout(500);

  await page.click('.graphiql-execute-button');
  const text = await result(page);
  console.log(`---- result\n${text}\n----`);
  let parsed = {};
  try {
    parsed = JSON.parse(text);
  } catch {
    // Reported below.
  }
  ok(parsed.data != null && !parsed.errors, 'the result has data and no errors');

  const post = posts.findLast((p) => !p.body?.includes('__schema'));
  ok(post?.url.pathname === '/graphql', 'the query went to /graphql');
  ok(post?.headers['x-check'] === 'one', 'the header of the headers editor was sent');
  ok(post?.headers['content-type'] === 'application/json', 'content type application/json');
  ok(post?.headers.accept === 'application/graphql-response+json, application/json', `accept ${post?.headers.accept}`);

  const shown = await page.locator('.graphiql-response .view-lines').innerText();
  ok(shown.includes('data'), 'the response pane shows it');
  if (values.screenshot) await page.screenshot({ path: values.screenshot });

  // The graphql worker knows the schema: completion inside the selection set.
  await setModel(page, 'operation.graphql', 'query Check {\n  __\n}\n');
  await page.evaluate(() => {
    const editor = globalThis.__MONACO.editor.getEditors().find((e) => e.getModel()?.uri.path.endsWith('operation.graphql'));
    editor.setPosition({ lineNumber: 2, column: 5 });
    editor.focus();
    editor.trigger('check', 'editor.action.triggerSuggest', {});
  });
  const suggested = await page
    .waitForSelector('.suggest-widget.visible .monaco-list-row', { timeout: 15_000 })
    .then((row) => row.innerText())
    .catch(() => '');
  ok(/__(typename|schema|type)/.test(suggested), `completion offers ${JSON.stringify(suggested.trim().split('\n')[0])}`);
  await page.keyboard.press('Escape');

  // It also checks the query.
  await setModel(page, 'operation.graphql', '{ thisFieldDoesNotExist }');
  const marked = await page
    .waitForFunction(() => globalThis.__MONACO.editor.getModelMarkers({}).find((m) => m.message.includes('thisFieldDoesNotExist'))?.message, undefined, { timeout: 15_000 })
    .then((handle) => handle.jsonValue())
    .catch(() => '');
  ok(marked !== '', `an unknown field is marked: ${marked}`);

  // Prettify uses the bundled formatters.
  await setModel(page, 'operation.graphql', 'query Check{__typename}');
  await setModel(page, 'request-headers.json', '{"X-Check":"one",/* kept */}');
  await page.click('button[aria-label^="Prettify"]');
  await page.waitForTimeout(1500);
  ok((await modelValue(page, 'operation.graphql')).trim() === 'query Check {\n  __typename\n}', 'prettify tidies the query');
  const tidy = await modelValue(page, 'request-headers.json');
  ok(/^\{\n {2}"X-Check": "one",/.test(tidy) && tidy.includes('/* kept */'), 'prettify tidies JSON and keeps comments');

  // The documentation and the history open.
  await page.click('button[aria-label="Show Documentation Explorer"]');
  const docs = await page.locator('.graphiql-plugin').innerText({ timeout: 15_000 });
  ok(/query/.test(docs) && /Root Types/i.test(docs), 'the documentation shows the root types');
  await page.click('button[aria-label="Show History"]');
  const history = await page.locator('.graphiql-plugin').innerText({ timeout: 15_000 });
  ok(/History/.test(history), 'the history opens');
  await context.close();

  // Variables and the operation name come from the address.
  const page2 = new URL('/graphiql', base);
  page2.searchParams.set('query', 'query A { a: __typename }\n\nquery B($x: String!) { b: __type(name: $x) { name } }\n');
  page2.searchParams.set('variables', '{"x":"Query"}');
  page2.searchParams.set('operationName', 'B');
  const second = await open(page2);
  ok((await modelValue(second.page, 'variables.json')) === '{\n  "x": "Query"\n}', 'the variables come from the address');
  await second.page.waitForTimeout(1500);
  const before = posts.length;
  await second.page.evaluate(() => {
    globalThis.__MONACO.editor.getEditors().find((e) => e.getModel()?.uri.path.endsWith('operation.graphql')).focus();
  });
  await second.page.keyboard.press('Control+Enter');
  const named = await result(second.page);
  const body = JSON.parse(posts.slice(before).findLast((p) => !p.body?.includes('__schema'))?.body ?? '{}');
  ok(body.operationName === 'B' && body.variables?.x === 'Query' && /"b"/.test(named), 'operation B ran with its variables');
  await second.context.close();

  if (values.subscription) {
    const page3 = new URL('/graphiql', base);
    page3.searchParams.set('query', values.subscription);
    const third = await open(page3);
    await third.page.click('button[data-name="headers"]');
    await third.page.waitForFunction(() => globalThis.__MONACO.editor.getModels().some((m) => m.uri.path.endsWith('request-headers.json')));
    await setModel(third.page, 'request-headers.json', '{ "X-Check": "two" }');
    await third.page.waitForTimeout(500);
    await third.page.click('.graphiql-execute-button');
    const event = await result(third.page);
    console.log(`---- subscription\n${event}\n----`);
    ok(/"data"/.test(event), 'the subscription gave data');
    const socket = sockets.at(-1);
    ok(socket?.url.pathname === '/graphql', 'the socket is at /graphql');
    const init = JSON.parse(socket?.sent[0] ?? '{}');
    ok(init.type === 'connection_init' && init.payload?.['X-Check'] === 'two', 'the headers are the connection parameters');
    await third.page.click('.graphiql-execute-button');
    await third.context.close();
  } else {
    ok(sockets.length === 0, 'no WebSocket without a subscription');
  }
} catch (error) {
  problems.push(String(error.stack ?? error));
} finally {
  await browser.close();
}

for (const name of ['graphiql.css', 'graphiql.js', 'editor.worker.js', 'graphql.worker.js', 'json.worker.js', 'codicon.ttf']) {
  const found = assets.get(name);
  ok(found?.response.ok() && found.url.searchParams.has('v'), `asset ${name} loaded with a version`);
  if (found) {
    const h = found.response.headers();
    console.log(`     ${h['content-type']}; ${h['content-encoding'] ?? 'identity'}; ${h['cache-control'] ?? '(no cache-control)'}`);
  }
}
ok(foreign.size === 0, 'no request to another host');
for (const url of foreign) console.log(`     ${url}`);
ok(consoleErrors.length === 0, 'no console error');
for (const text of consoleErrors) console.log(`     ${text}`);

if (problems.length) {
  console.log(`\n${problems.length} problem(s):`);
  for (const text of problems) console.log(`  ${text}`);
  process.exit(1);
}
console.log('\nall good');
