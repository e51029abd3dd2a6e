// The section Jobs: the list, its filter and its pages, and what is done to one job or to all that match.

import { acting, cell, el, keep, say, set, show, table } from './dom.js';
import { ask } from './dialogs.js';
import * as text from './text.js';

const PAGE_SIZE = 25;
/** Most jobs that the API changes in one call. */
const MOST_AT_ONCE = 10_000;
/** From which states an operator brings jobs back, and from which ones cancels them. */
const RETRYABLE = ['DEAD', 'CANCELED', 'RETRYING', 'SCHEDULED'];
const CANCELABLE = ['SCHEDULED', 'READY', 'RETRYING', 'RUNNING'];
/** Between two refreshes of the list at least. */
const REFRESH_MS = 1_000;

const FIELDS = `id kind queue state attempt maxAttempts cancelRequested lastError createdAt startedAt finishedAt
  progress { done total note }`;
const LIST = `query Jobs($first: Int, $after: String, $last: Int, $before: String, $where: JobWhereInput) {
  jobs(first: $first, after: $after, last: $last, before: $before, where: $where) {
    nodes { ${FIELDS} } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`;
const HOW_MANY = 'query HowMany($where: JobWhereInput) { jobs(first: 0, where: $where) { totalCount } }';
const RETRY = `mutation Retry($id: ID!) { jobRetry(id: $id) { job { ${FIELDS} } userErrors { message } } }`;
const CANCEL = `mutation Cancel($id: ID!) { jobCancel(id: $id) { job { ${FIELDS} } userErrors { message } } }`;
const RETRY_ALL = 'mutation RetryAll($input: JobsRetryInput!) { jobsRetry(input: $input) { count skipped hasMore userErrors { message } } }';
const CANCEL_ALL = 'mutation CancelAll($input: JobsCancelInput!) { jobsCancel(input: $input) { count skipped hasMore userErrors { message } } }';

/** Makes a job ready again; the job as it is then. */
export async function retry(app, { id, kind }) {
  const { job } = await app.session.change(RETRY, { id });
  app.toast(`${kind} is ready again.`);
  return job;
}

/** Cancels a job; the job as it is then. */
export async function cancel(app, { id, kind }) {
  const { job } = await app.session.change(CANCEL, { id });
  app.toast(job.state === 'RUNNING' ? `${kind} was asked to stop.` : `${kind} is canceled.`);
  return job;
}

export function jobsView(app) {
  let params = new URLSearchParams();
  let page = null;
  let asked = 0;
  let shown = false;
  let timer = null;
  const kinds = new Set();

  const filter = filterForm(() => go(filter.read()));
  const retryAll = el('button', { type: 'button', onclick: () => changeAll('retry') }, 'Retry all…');
  const cancelAll = el('button', { type: 'button', onclick: () => changeAll('cancel') }, 'Cancel all…');
  const fresh = el('button', { type: 'button', class: 'small', hidden: true, onclick: () => refresh(true) }, 'Show changes');
  const { node, body } = table('Jobs', [['State', 'w-state'], ['Kind'], ['Queue', 'w-queue'], ['Attempt', 'number w-attempt'], ['Enqueued', 'w-when'], ['Actions', 'end w-actions']]);
  const none = el('p', { class: 'empty', hidden: true });
  const problem = el('p', { class: 'message', role: 'alert', hidden: true });
  const newest = el('button', { type: 'button', class: 'small', onclick: () => go(filter.read()) }, 'Newest');
  const newer = el('button', { type: 'button', class: 'small', onclick: () => turn('before', page.pageInfo.startCursor) }, 'Newer');
  const older = el('button', { type: 'button', class: 'small', onclick: () => turn('after', page.pageInfo.endCursor) }, 'Older');
  const list = el('div', { class: 'card flush' }, node, none);
  const manage = app.may('JOBS_MANAGE');
  const root = el('section', { 'aria-labelledby': 'jobs-title' },
    el('div', { class: 'title-line' }, el('h2', { id: 'jobs-title' }, 'Jobs'), fresh),
    filter.node,
    manage && el('div', { class: 'mass' }, retryAll, cancelAll, el('span', { class: 'muted', id: 'mass-hint' }, 'Choose a filter first.')),
    problem, list,
    el('nav', { class: 'pages', 'aria-label': 'Pages' }, newest, newer, older));
  const hint = root.querySelector('#mass-hint');

  function go(query) {
    const text = String(query);
    const hash = text ? `#/jobs?${text}` : '#/jobs';
    if (hash === location.hash) refresh(true);
    else location.hash = hash;
  }

  function turn(name, cursor) {
    const query = filter.read();
    query.set(name, cursor);
    go(query);
  }

  // Rows do not move under somebody's hand: then they only change, and a button says that there is more to see.
  const isInHand = () => list.matches(':hover') || list.contains(document.activeElement);

  async function refresh(move) {
    clearTimeout(timer);
    timer = null;
    const turn = ++asked;
    const [after, before] = [params.get('after'), params.get('before')];
    const window = before ? { last: PAGE_SIZE, before } : { first: PAGE_SIZE, after };
    try {
      const { jobs } = await app.session.query(LIST, { ...window, where: where(params) });
      if (turn !== asked) return;
      show(problem, false);
      if (move || !page || !isInHand()) put(jobs);
      else await updateInPlace(jobs, turn);
    } catch (error) {
      if (turn !== asked) return;
      say(problem, error.message);
      show(problem, true);
    }
  }

  function put(jobs) {
    page = jobs;
    for (const job of jobs.nodes) kinds.add(job.kind);
    filter.offerKinds(kinds);
    draw(jobs.nodes);
    show(fresh, false);
    newest.disabled = newer.disabled = !jobs.pageInfo.hasPreviousPage;
    older.disabled = !jobs.pageInfo.hasNextPage;
    show(none, jobs.nodes.length === 0);
    show(node, jobs.nodes.length > 0);
    say(none, where(params) ? 'No job matches this filter.' : 'There are no jobs.');
  }

  async function updateInPlace(jobs, turn) {
    const known = new Map(jobs.nodes.map((job) => [job.id, job]));
    const moved = jobs.nodes.length !== page.nodes.length || page.nodes.some(({ id }, place) => jobs.nodes[place].id !== id);
    const away = page.nodes.filter(({ id }) => !known.has(id)).map(({ id }) => id);
    if (away.length > 0) {
      for (const job of await app.jobsById(away, FIELDS)) known.set(job.id, job);
    }
    if (turn !== asked) return;
    page = { ...page, nodes: page.nodes.map((job) => known.get(job.id) ?? job) };
    draw(page.nodes);
    show(fresh, moved);
  }

  function draw(jobs) {
    keep(body, jobs, (job) => job.id, () => row(app, (changed) => {
      page.nodes = page.nodes.map((job) => (job.id === changed.id ? changed : job));
      draw(page.nodes);
    }));
  }

  function drawHint() {
    const filter = where(params);
    for (const [button, states] of [[retryAll, RETRYABLE], [cancelAll, CANCELABLE]]) {
      set(button, 'aria-disabled', statesOf(filter, states).length > 0 ? null : 'true');
    }
    if (hint) say(hint, filter ? 'All that match the filter, on every page.' : 'Choose a filter to retry or cancel all that match it.');
  }

  async function changeAll(verb) {
    const filter = where(params);
    const retrying = verb === 'retry';
    const states = statesOf(filter, retrying ? RETRYABLE : CANCELABLE);
    if (states.length === 0) return;
    const possible = { ...filter, state: { in: states } };
    const figure = el('strong', {}, '…');
    app.session.query(HOW_MANY, { where: possible })
      .then(({ jobs }) => say(figure, text.jobs(jobs.totalCount)), () => say(figure, 'an unknown number of jobs'));
    const what = retrying
      ? 'become ready again: dead and canceled ones with all their attempts, waiting ones at once. Others are not touched.'
      : 'are canceled: waiting ones at once, running ones are asked to stop. A canceled job does its work only if it is retried.';
    await ask({
      title: retrying ? 'Retry all that match?' : 'Cancel all that match?',
      body: [el('p', { class: 'filter-text' }, filterText(params)), el('p', {}, figure, ` ${what}`)],
      verb: retrying ? 'Retry all' : 'Cancel all',
      danger: !retrying,
      async act() {
        const { count, skipped, hasMore } = await app.session.change(retrying ? RETRY_ALL : CANCEL_ALL, { input: { where: filter, limit: MOST_AT_ONCE } });
        const done = `${text.jobs(count)} ${retrying ? `${count === 1 ? 'is' : 'are'} ready again` : 'canceled or asked to stop'}`;
        const left = skipped > 0 && `${text.jobs(skipped)} left as ${skipped === 1 ? 'it is' : 'they are'}`;
        app.toast(`${[done, left].filter(Boolean).join(', ')}.${hasMore ? ' More match: do it again for the rest.' : ''}`);
        refresh(true);
      },
    });
  }

  return {
    root,
    update({ queues }) {
      filter.offerQueues(queues.map(({ name }) => name));
      if (shown && timer == null) timer = setTimeout(() => (shown && !document.hidden ? refresh(false) : (timer = null)), REFRESH_MS);
    },
    enter(query) {
      shown = true;
      params = query;
      page = null;
      filter.write(query);
      drawHint();
      refresh(true);
    },
    leave() {
      shown = false;
      asked += 1;
    },
  };
}

function row(app, changed) {
  let job;
  const state = text.stateMark();
  const kind = el('a', { class: 'name' });
  const note = el('span', { class: 'note' });
  const queue = el('span');
  const attempt = el('span');
  const created = text.when();
  const act = (name, action) => el('button', {
    type: 'button', class: 'small',
    onclick: acting(app, async () => changed(await action(app, job))),
  }, name);
  const buttons = app.may('JOBS_MANAGE') ? [act('Cancel', cancel), act('Retry', retry)] : [];
  const node = el('tr', { role: 'row' },
    cell(null, 'state-cell', state),
    cell(null, 'head', kind, note),
    cell('Queue', '', queue),
    cell('Attempt', 'number', attempt),
    cell('Enqueued', '', created),
    cell(null, 'end actions', buttons));
  return {
    node,
    update(now) {
      job = now;
      text.setState(state, job);
      say(kind, job.kind);
      set(kind, 'href', `#/job/${job.id}`);
      set(kind, 'title', job.id);
      const failed = job.lastError && job.state !== 'SUCCEEDED';
      const progress = job.state === 'RUNNING' ? text.progressText(job.progress) : '';
      say(note, progress || (failed ? firstLine(job.lastError) : ''));
      note.dataset.bad = Boolean(failed && !progress);
      say(queue, job.queue);
      say(attempt, `${job.attempt} of ${job.maxAttempts}`);
      text.setWhen(created, job.createdAt);
      const [stop, again] = buttons;
      if (!again) return;
      // Hidden but for their place, so that nothing moves.
      set(again, 'data-away', !text.isRetryable(job));
      set(stop, 'data-away', !text.isCancelable(job));
      set(again, 'aria-label', `Retry ${job.kind}, ${job.id}`);
      set(stop, 'aria-label', `Cancel ${job.kind}, ${job.id}`);
    },
  };
}

const firstLine = (error) => error.split('\n', 1)[0].slice(0, 300);

function filterForm(onChange) {
  const state = el('select', { name: 'state' }, el('option', { value: '' }, 'All'), text.STATES.map((it) => el('option', { value: it }, text.stateName(it))));
  const queue = el('select', { name: 'queue' }, el('option', { value: '' }, 'All'));
  const kind = el('input', { name: 'kind', list: 'kinds', autocomplete: 'off', spellcheck: 'false', placeholder: 'catalog.import' });
  const known = el('datalist', { id: 'kinds' });
  const error = el('input', { name: 'error', autocomplete: 'off', placeholder: 'timed out' });
  const clear = el('button', { type: 'button', onclick: () => { write(new URLSearchParams()); onChange(); } }, 'Clear');
  const field = (label, ...nodes) => el('label', {}, label, ...nodes);
  const node = el('form', { class: 'filter', role: 'search', 'aria-label': 'Filter of jobs' },
    field('State', state), field('Queue', queue), field('Kind', kind, known), field('Error contains', error), clear);
  node.addEventListener('submit', (event) => { event.preventDefault(); onChange(); });
  node.addEventListener('change', onChange);

  function offer(select, names) {
    for (const name of names) {
      if (![...select.options].some(({ value }) => value === name)) select.append(el('option', { value: name }, name));
    }
  }

  function write(query) {
    const name = query.get('queue') ?? '';
    offer(queue, name ? [name] : []);
    queue.value = name;
    state.value = query.get('state') ?? '';
    kind.value = query.get('kind') ?? '';
    error.value = query.get('error') ?? '';
  }

  return {
    node,
    write,
    read() {
      const query = new URLSearchParams();
      for (const { name, value } of [state, queue, kind, error]) if (value.trim()) query.set(name, value.trim());
      return query;
    },
    offerQueues: (names) => offer(queue, names),
    offerKinds: (kinds) => keep(known, [...kinds].sort(), (it) => it, (it) => ({ node: el('option', { value: it }), update() {} })),
  };
}

/** Which of these states the filter lets through; none without a filter. */
function statesOf(filter, states) {
  if (!filter) return [];
  return filter.state ? states.filter((state) => filter.state.in.includes(state)) : states;
}

/** The API's filter; null if there is none. */
function where(query) {
  const filter = {};
  if (text.STATES.includes(query.get('state'))) filter.state = { in: [query.get('state')] };
  if (query.get('queue')) filter.queue = { eq: query.get('queue') };
  if (query.get('kind')) filter.kind = { eq: query.get('kind') };
  if (query.get('error')) filter.lastError = { contains: query.get('error') };
  return Object.keys(filter).length > 0 ? filter : null;
}

function filterText(query) {
  const names = [['state', 'State'], ['queue', 'Queue'], ['kind', 'Kind'], ['error', 'Error contains']];
  return names.filter(([key]) => query.get(key)).map(([key, name]) => `${name}: ${query.get(key)}`).join(' · ');
}
