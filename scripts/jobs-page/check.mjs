// Opens the queue page of a running `ironmonger dev` in Chromium and does what an operator does. See README.md.
//
//   node check.mjs BASE_URL --data-dir DIR [options]
//
//   --data-dir DIR      IRONMONGER_DATA_DIR of the shop; its dev.env names the database
//   --playwright DIR    a folder whose node_modules has playwright-core
//   --chromium PATH     default /usr/bin/chromium
//   --screenshots DIR   writes pictures: light and dark, wide and as narrow as a phone
//
// Exits with 1 when something is wrong.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'data-dir': { type: 'string' },
    playwright: { type: 'string' },
    chromium: { type: 'string', default: '/usr/bin/chromium' },
    screenshots: { type: 'string' },
  },
});
const [baseUrl] = positionals;
if (!baseUrl || !values['data-dir']) {
  console.error('usage: node check.mjs BASE_URL --data-dir DIR [--playwright DIR] [--screenshots DIR]');
  process.exit(2);
}
const require = createRequire(values.playwright ? join(resolve(values.playwright), 'x.js') : import.meta.url);
const { chromium } = require('playwright-core');
const server = new URL(baseUrl);
const database = readFileSync(join(values['data-dir'], 'dev.env'), 'utf8').match(/^DATABASE_URL=(.*)$/m)[1];
if (values.screenshots) mkdirSync(values.screenshots, { recursive: true });

const PASSWORD = 'correct horse battery staple';
const OWNER = ['owner@ironmonger.test', 'ironmonger'];
const run = Date.now().toString(36);

const problems = [];
const ok = (condition, text) => {
  console.log(`${condition ? 'ok  ' : 'FAIL'} ${text}`);
  if (!condition) problems.push(text);
};
const sql = (text) => execFileSync('psql', ['-qAtX', '-v', 'ON_ERROR_STOP=1', database, '-c', text], { encoding: 'utf8' }).trim();
const quoted = (text) => `'${text.replaceAll("'", "''")}'`;

/** Jobs of the kind that does no harm, in any state. */
function jobs(number, state, { queue = 'maintenance', kind = 'maintenance.prune', error = null } = {}) {
  const over = ['DEAD', 'SUCCEEDED', 'CANCELED'].includes(state);
  sql(`INSERT INTO jobs (id, kind, queue, payload, state, attempt, max_attempts, run_at, finished_at, last_error)
    SELECT (lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') || '7' || substr(md5(random()::text), 1, 3)
        || '8' || substr(md5(random()::text), 1, 15))::uuid,
      ${quoted(kind)}, ${quoted(queue)}, '{}', '${state}', ${over ? 3 : 0}, 3, now() ${state === 'SCHEDULED' ? "+ interval '1 hour'" : ''},
      ${over ? 'now()' : 'NULL'}, ${error == null ? 'NULL' : quoted(error)} FROM generate_series(1, ${number});
    NOTIFY ironmonger_due, ${quoted(queue)}`);
}

/** The road between browser and server, so that it can be cut. */
const sockets = new Set();
const road = createServer((client) => {
  const there = connect(Number(server.port), server.hostname);
  for (const [one, other] of [[client, there], [there, client]]) {
    sockets.add(one);
    one.on('error', () => other.destroy());
    one.on('close', () => sockets.delete(one) && other.destroy());
    one.pipe(other);
  }
});
const listen = (port) => new Promise((done) => road.listen(port, '127.0.0.1', done));
await listen(0);
const { port } = road.address();
const base = new URL(`http://127.0.0.1:${port}`);
function cut() {
  road.close();
  for (const socket of sockets) socket.destroy();
}

async function register(email, permissions) {
  const query = `mutation($input: CustomerRegisterInput!) { customerRegister(input: $input) { userErrors { message } } }`;
  const input = { email, password: PASSWORD, firstName: 'Page', lastName: 'Check' };
  const response = await fetch(new URL('/graphql', base), {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ query, variables: { input } }),
  });
  const { data } = await response.json();
  if (data.customerRegister.userErrors.length > 0) throw new Error(JSON.stringify(data));
  if (!permissions) return;
  sql(`WITH role AS (INSERT INTO roles (id, name, permissions) VALUES (gen_random_uuid(), ${quoted(email)}, '{${permissions}}') RETURNING id)
    INSERT INTO user_roles SELECT users.id, role.id FROM users, role WHERE email = ${quoted(email)}`);
}

const browser = await chromium.launch({
  executablePath: values.chromium,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const foreign = new Set();
const consoleErrors = [];
/** While the connection is cut on purpose the browser says so in its console. */
let cutting = false;

async function open(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1360, height: 860 }, colorScheme: 'light', ...options });
  const mine = (address) => new URL(address).host === base.host || !/^(https?|wss?):/.test(address);
  context.on('request', (request) => mine(request.url()) || foreign.add(request.url()));
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.on('websocket', (socket) => mine(socket.url()) || foreign.add(socket.url()));
  page.on('console', (message) => {
    if (message.type() === 'error' && !cutting) consoleErrors.push(`${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => consoleErrors.push(String(error.stack ?? error)));
  await page.goto(new URL('/jobs', base).href);
  return page;
}

async function signIn(page, [email, password]) {
  await page.fill('input[name=email]', email);
  await page.fill('input[name=password]', password);
  await page.click('#sign-in button');
}

const live = (page) => page.waitForSelector('#status[data-live=yes]');
const row = (page, table, text) => page.locator(`table[aria-label=${table}] tbody tr`).filter({ hasText: text });
/** The figure of a queue. */
const figure = (page, queue, name) => page.locator(`a[aria-label^="${name} in ${queue}:"]`);
const until = (page, found, wanted) => page.waitForFunction(([node, test]) => new RegExp(test).test(node.textContent), [found, wanted]);
const becomes = async (locator, pattern) => {
  await locator.page().waitForFunction(([node, source]) => new RegExp(source).test(node?.textContent ?? ''), [await locator.elementHandle(), pattern]);
};
const toast = (page, text) => page.locator('.toast', { hasText: text }).first().waitFor();
const shoot = async (page, name) => values.screenshots && page.screenshot({ path: join(values.screenshots, `${name}.png`) });

const MARKUP = '<img src=x onerror="document.title=\'hacked\'"><script>document.title="hacked"</script><b>bold</b> & more';

try {
  // Signing in
  const page = await open();
  await page.waitForSelector('#sign-in');
  await shoot(page, 'sign-in');
  await signIn(page, [OWNER[0], 'wrong']);
  await page.waitForSelector('#door-message:not([hidden])');
  ok(/do not belong together/.test(await page.innerText('#door-message')), 'a wrong password is refused in words');
  await signIn(page, OWNER);
  await live(page);
  ok((await page.innerText('#email')) === OWNER[0], 'the page says who is signed in');

  // Queues and workers
  const queues = page.locator('table[aria-label=Queues] tbody tr');
  ok((await queues.count()) >= 3, `it shows ${await queues.count()} queues`);
  await page.click('nav.tabs a[data-view=workers]');
  await page.locator('table[aria-label=Workers] tbody tr').first().waitFor();
  ok(/process \d+/.test(await page.innerText('table[aria-label=Workers] tbody')), 'it shows a worker process');
  ok(await page.evaluate(() => document.activeElement.id === 'view'), 'the focus follows to the section');

  // Pause, a backlog, resume: the figures move by themselves
  await page.click('nav.tabs a[data-view=queues]');
  await page.click('button[aria-label="Pause maintenance"]');
  await row(page, 'Queues', 'maintenance').locator('.badge', { hasText: 'Paused' }).waitFor();
  ok(sql("SELECT paused FROM job_queues WHERE name = 'maintenance'") === 't', 'Pause pauses the queue');
  jobs(40, 'READY');
  await becomes(figure(page, 'maintenance', 'Ready'), '^40$');
  ok(true, 'the page shows the backlog without being asked');
  ok(await page.evaluate(() => document.activeElement.getAttribute('aria-label') === 'Resume maintenance'), 'the focus stays on the button');
  await page.evaluate(() => {
    const node = document.querySelector('a[aria-label^="Ready in maintenance:"]');
    window.seen = [];
    new MutationObserver(() => window.seen.push(node.textContent)).observe(node, { childList: true, characterData: true, subtree: true });
  });
  await page.keyboard.press('Enter');
  await becomes(figure(page, 'maintenance', 'Ready'), '^0$');
  ok(true, `it resumes by the keyboard, and the figures move: 40 → ${(await page.evaluate(() => window.seen)).join(' → ')}`);

  // Limits
  await page.click('button[aria-label="Limits of maintenance"]');
  await page.fill('dialog input[name=jobs]', '100');
  await page.click('dialog button[type=submit]');
  await page.waitForSelector('dialog .message:not([hidden])');
  ok(/needs both/.test(await page.innerText('dialog .message')), 'half a rate is refused in words');
  await page.fill('dialog input[name=period]', '60');
  await page.fill('dialog input[name=maxRunning]', '2');
  await page.click('dialog button[type=submit]');
  await becomes(row(page, 'Queues', 'maintenance').locator('.limits'), '2 at a time, 100 per 60 s');
  ok(sql("SELECT max_running || ' ' || rate_limit FROM job_queues WHERE name = 'maintenance'") === '2 100', 'Limits sets the limits');
  await page.click('button[aria-label="Limits of maintenance"]');
  for (const name of ['maxRunning', 'jobs', 'period']) await page.fill(`dialog input[name=${name}]`, '');
  await page.click('dialog button[type=submit]');
  await becomes(row(page, 'Queues', 'maintenance').locator('.limits'), '–');

  // A dead job, whose error is markup
  jobs(1, 'DEAD', { error: MARKUP });
  jobs(2, 'DEAD', { kind: 'payments.settle', queue: 'payments', error: 'the gateway did not answer within 20 s' });
  jobs(3, 'SCHEDULED', { kind: 'mail.later', queue: 'mail' });
  jobs(1, 'RETRYING', { kind: 'mail.notice', queue: 'mail', error: 'connection refused' });
  await becomes(figure(page, 'maintenance', 'Dead'), '^[1-9]');
  await shoot(page, 'queues-light');
  await figure(page, 'maintenance', 'Dead').click();
  const link = row(page, 'Jobs', '<b>bold</b>').first().locator('a.name');
  await link.waitFor();
  const dead = page.locator(`tr:has(a[href="${await link.getAttribute('href')}"])`);
  ok((await page.inputValue('select[name=state]')) === 'DEAD' && (await page.inputValue('select[name=queue]')) === 'maintenance', 'a figure leads to its jobs');
  await shoot(page, 'jobs-light');
  await dead.getByRole('button', { name: /^Retry/ }).click();
  await becomes(dead.locator('.state'), 'Ready|Running|Succeeded');
  ok(true, 'a click on Retry brings the dead job back');
  await becomes(dead.locator('.state'), 'Succeeded');
  ok(true, 'and the list shows that it succeeds, while the pointer holds the row in place');
  await dead.locator('a.name').click();
  await page.waitForSelector('.job-head');
  await until(page, await page.$('.job-head .state'), 'Succeeded');
  jobs(1, 'DEAD', { kind: 'test.markup', error: `${MARKUP}\nsecond line` });
  await page.goto(new URL('/jobs#/jobs?kind=test.markup', base).href);
  await row(page, 'Jobs', 'test.markup').locator('a.name').first().click();
  await until(page, await page.waitForSelector('h3 + pre'), 'second line');
  ok((await page.locator('section[aria-labelledby=job-title] h3 + pre').first().innerText()).includes(MARKUP), 'an error with markup is shown as text');
  ok(!/hacked/.test(await page.title()) && (await page.locator('img, b, iframe').count()) === 0, 'and nothing of it became markup');
  await shoot(page, 'job-light');
  await page.click('a.back');
  ok((await page.inputValue('input[name=kind]')) === 'test.markup', 'the way back keeps the filter');

  // All that match
  jobs(30, 'SCHEDULED', { kind: `page.${run}` });
  await page.fill('input[name=kind]', `page.${run}`);
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelectorAll('table[aria-label=Jobs] tbody tr').length === 25);
  await page.getByRole('button', { name: 'Older' }).click();
  await page.waitForFunction(() => document.querySelectorAll('table[aria-label=Jobs] tbody tr').length === 5);
  await page.getByRole('button', { name: 'Newer', exact: true }).click();
  await page.waitForFunction(() => document.querySelectorAll('table[aria-label=Jobs] tbody tr').length === 25);
  ok(true, 'pages turn to older and back');
  await page.getByRole('button', { name: 'Cancel all…' }).click();
  await page.locator('dialog strong', { hasText: '30 jobs' }).waitFor();
  await shoot(page, 'confirm-light');
  await page.getByRole('button', { name: 'Go back' }).click();
  ok(sql(`SELECT count(*) FROM jobs WHERE kind = 'page.${run}' AND state = 'SCHEDULED'`) === '30', 'going back cancels nothing');
  await page.getByRole('button', { name: 'Cancel all…' }).click();
  await page.locator('dialog').getByRole('button', { name: 'Cancel all' }).click();
  await toast(page, '30 jobs canceled');
  ok(sql(`SELECT count(*) FROM jobs WHERE kind = 'page.${run}' AND state = 'CANCELED'`) === '30', 'all that match are canceled, on both pages');

  // Schedules
  await page.click('nav.tabs a[data-view=schedules]');
  await page.click('button[aria-label="Disable maintenance.prune"]');
  await row(page, 'Schedules', 'maintenance.prune').locator('.badge', { hasText: 'Disabled' }).waitFor();
  await shoot(page, 'schedules-light');
  await page.click('button[aria-label="Enable maintenance.prune"]');
  await row(page, 'Schedules', 'maintenance.prune').locator('.badge').waitFor({ state: 'hidden' });
  await page.click('button[aria-label="Run maintenance.prune now"]');
  await page.waitForURL(/#\/job\/job_/);
  await until(page, await page.waitForSelector('.job-head .state'), 'Succeeded');
  ok(true, 'a schedule is disabled, enabled and run, and its job followed to the end');

  // The connection goes and comes back
  await page.click('nav.tabs a[data-view=queues]');
  cutting = true;
  cut();
  await page.waitForSelector('#status[data-live=no]');
  ok(/Not live/.test(await page.innerText('#status-text')), `without a connection it says so: ${await page.innerText('#status-text')}`);
  await shoot(page, 'not-live');
  await listen(port);
  await live(page);
  cutting = false;
  jobs(1, 'DEAD', { kind: 'test.again', queue: 'mail', error: 'once more' });
  await becomes(figure(page, 'mail', 'Dead'), '^[1-9]');
  ok(true, 'and is live again by itself');

  // A reload keeps the session, another tab with a copy of it does not
  await page.reload();
  await live(page);
  ok(true, 'a reload keeps the session');
  const stored = await page.evaluate(() => sessionStorage.getItem('ironmonger.jobs.session'));
  const copy = await page.context().newPage();
  await copy.addInitScript((it) => sessionStorage.setItem('ironmonger.jobs.session', it), stored);
  await copy.goto(new URL('/jobs', base).href);
  await copy.waitForSelector('#sign-in:visible');
  ok(true, 'a duplicated tab has to sign in for itself');
  await copy.close();

  // Looks
  if (values.screenshots) {
    for (const [scheme, width, height] of [['dark', 1360, 860], ['light', 390, 844], ['dark', 390, 844]]) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.setViewportSize({ width, height });
      for (const view of ['queues', 'jobs', 'workers', 'schedules']) {
        await page.click(`nav.tabs a[data-view=${view}]`);
        await page.locator('#view section').waitFor();
        await page.waitForTimeout(1_300);
        await shoot(page, `${view}-${scheme}-${width}`);
      }
      await page.goto(new URL('/jobs#/jobs?kind=test.markup', base).href);
      await row(page, 'Jobs', 'test.markup').locator('a.name').first().click();
      await page.waitForSelector('h3 + pre');
      await shoot(page, `job-${scheme}-${width}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      ok(wide <= 0, `nothing sticks out at ${width} pixels`);
    }
  }
  await page.setViewportSize({ width: 1360, height: 860 });
  await page.click('#sign-out');
  await page.waitForSelector('#sign-in:visible');
  ok((await page.evaluate(() => sessionStorage.length)) === 0, 'signing out forgets the tokens');
  ok((await page.locator('#view *').count()) === 0, 'and what was on the page');
  await page.context().close();

  // Whoever may look but not touch
  await register(`watcher-${run}@example.test`, 'JOBS_READ');
  const watcher = await open();
  await signIn(watcher, [`watcher-${run}@example.test`, PASSWORD]);
  await live(watcher);
  for (const view of ['queues', 'schedules', 'jobs']) {
    await watcher.click(`nav.tabs a[data-view=${view}]`);
    await watcher.locator('table tbody tr').first().waitFor();
    const buttons = await watcher.getByRole('button', { name: /Pause|Resume|Limits|Retry|Cancel|Run|Disable|Enable/ }).count();
    ok(buttons === 0, `without JOBS_MANAGE ${view} has no buttons that change something`);
  }
  await watcher.context().close();

  // And whoever may not even look
  await register(`customer-${run}@example.test`);
  const customer = await open();
  await signIn(customer, [`customer-${run}@example.test`, PASSWORD]);
  await customer.waitForSelector('#refused:visible');
  ok(/You need the permission JOBS_READ/.test(await customer.innerText('#refused')), 'a customer is told which permission is needed');
  ok(!(await customer.isVisible('#board')), 'and sees nothing');
  await shoot(customer, 'refused');
  await customer.click('#refused-sign-out');
  await customer.waitForSelector('#sign-in:visible');
  await customer.context().close();
} catch (error) {
  problems.push(String(error.stack ?? error));
} finally {
  await browser.close();
  cut();
}

ok(foreign.size === 0, 'no request to another host');
for (const url of foreign) console.log(`     ${url}`);
ok(consoleErrors.length === 0, 'no console error');
for (const text of consoleErrors) console.log(`     ${text}`);
if (problems.length > 0) {
  console.log(`\n${problems.length} problem(s):`);
  for (const text of problems) console.log(`  ${text}`);
  process.exit(1);
}
console.log('\nall good');
