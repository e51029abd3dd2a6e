// The section Queues: how full they are, pausing, and limits.

import { acting, cell, el, keep, say, set, show, table } from './dom.js';
import { ask } from './dialogs.js';
import { count, setWhen, when } from './text.js';

/** What is read of a queue, here and for the board. */
export const QUEUE = `name paused ready running scheduled retrying dead oldestReadyAt maxRunning rateLimit { jobs periodSeconds }`;

const PAUSE = `mutation Pause($name: String!) { queuePause(name: $name) { queue { ${QUEUE} } userErrors { message } } }`;
const RESUME = `mutation Resume($name: String!) { queueResume(name: $name) { queue { ${QUEUE} } userErrors { message } } }`;
const LIMIT = `mutation Limit($input: QueueLimitInput!) { queueLimit(input: $input) { queue { ${QUEUE} } userErrors { message } } }`;

const FIGURES = [
  ['ready', 'Ready', 'READY'],
  ['running', 'Running', 'RUNNING'],
  ['scheduled', 'Scheduled', 'SCHEDULED'],
  ['retrying', 'Retrying', 'RETRYING'],
  ['dead', 'Dead', 'DEAD'],
];

export function queuesView(app) {
  const tiles = ['ready', 'running', 'retrying', 'dead'].map((key) => tile(key, FIGURES.find((figure) => figure[0] === key)[1]));
  const slots = tile('slots', 'Worker slots in use');
  const last = tile('last', 'Last job over');
  const lastWhen = when();
  last.value.append(lastWhen);
  const columns = [['Queue'], ...FIGURES.map(([, name]) => [name, 'number']), ['Oldest waits', 'number'], ['Limits'], ['Actions', 'end']];
  const { node, body } = table('Queues', columns);
  const none = el('p', { class: 'empty', hidden: true }, 'There are no queues yet. A worker declares them when it starts.');
  const root = el('section', { 'aria-labelledby': 'queues-title' },
    el('h2', { id: 'queues-title' }, 'Queues'),
    el('div', { class: 'tiles' }, [...tiles, slots, last].map((it) => it.node)),
    el('div', { class: 'card flush' }, node, none));

  return {
    root,
    update({ queues, workers, lastFinishedAt }) {
      for (const { key, node: card, value } of tiles) {
        const sum = queues.reduce((sum, queue) => sum + queue[key], 0);
        say(value, count(sum));
        card.dataset.some = sum > 0;
      }
      const busy = workers.reduce((sum, worker) => sum + worker.running, 0);
      const all = workers.reduce((sum, worker) => sum + worker.concurrency, 0);
      say(slots.value, workers.length === 0 ? 'no worker' : `${count(busy)} / ${count(all)}`);
      slots.node.dataset.some = workers.length === 0;
      setWhen(lastWhen, lastFinishedAt);
      keep(body, queues, (queue) => queue.name, () => row(app));
      show(none, queues.length === 0);
    },
  };
}

function tile(key, name) {
  const value = el('dd');
  return { key, value, node: el('dl', { class: `tile ${key}` }, el('dt', {}, name), value) };
}

function row(app) {
  let queue;
  const name = el('a', { class: 'name' });
  const paused = el('span', { class: 'badge warn', hidden: true }, 'Paused');
  const figures = FIGURES.map(([key, label, state]) => ({ key, label, state, link: el('a') }));
  const oldest = when('age');
  const limits = el('span', { class: 'muted' });
  const pause = el('button', {
    type: 'button', class: 'small',
    onclick: acting(app, async () => {
      const { name, paused } = queue;
      const { queue: now } = await app.session.change(paused ? RESUME : PAUSE, { name });
      app.put('queues', now);
      app.toast(paused ? `The queue ${name} goes on.` : `The queue ${name} is paused; what runs goes on.`);
    }),
  });
  const change = el('button', { type: 'button', class: 'small', onclick: () => changeLimits(app, queue) }, 'Limits…');
  const node = el('tr', { role: 'row' },
    cell(null, 'head', name, ' ', paused),
    figures.map(({ label, key, link }) => cell(label, `number ${key}`, link)),
    cell('Oldest waits', 'number', oldest),
    cell('Limits', 'limits', limits),
    cell(null, 'end actions', app.may('JOBS_MANAGE') && [pause, change]));

  return {
    node,
    update(now) {
      queue = now;
      say(name, queue.name);
      set(name, 'href', `#/jobs?queue=${encodeURIComponent(queue.name)}`);
      show(paused, queue.paused);
      for (const { key, state, label, link } of figures) {
        say(link, count(queue[key]));
        link.dataset.some = queue[key] > 0;
        set(link, 'href', `#/jobs?queue=${encodeURIComponent(queue.name)}&state=${state}`);
        set(link, 'aria-label', `${label} in ${queue.name}: ${count(queue[key])}`);
      }
      setWhen(oldest, queue.oldestReadyAt);
      say(limits, limitsText(queue));
      say(pause, queue.paused ? 'Resume' : 'Pause');
      set(pause, 'aria-label', `${queue.paused ? 'Resume' : 'Pause'} ${queue.name}`);
      set(change, 'aria-label', `Limits of ${queue.name}`);
    },
  };
}

function limitsText({ maxRunning, rateLimit }) {
  const limits = [];
  if (maxRunning != null) limits.push(`${count(maxRunning)} at a time`);
  if (rateLimit) limits.push(`${count(rateLimit.jobs)} per ${rateLimit.periodSeconds === 1 ? 'second' : `${rateLimit.periodSeconds} s`}`);
  return limits.join(', ') || '–';
}

function changeLimits(app, { name, maxRunning, rateLimit }) {
  const field = (label, key, value, step) =>
    el('label', {}, label, el('input', { name: key, type: 'number', min: step, step, inputmode: 'decimal', value: value ?? null }));
  const body = [
    el('p', { class: 'muted' }, 'They hold for all workers together. An empty field means no limit; what runs already goes on.'),
    field('Jobs at a time, at most', 'maxRunning', maxRunning, 1),
    el('div', { class: 'pair' },
      field('Jobs begun, at most', 'jobs', rateLimit?.jobs, 1),
      field('per so many seconds', 'period', rateLimit?.periodSeconds, 'any')),
  ];
  ask({
    title: `Limits of ${name}`,
    body,
    verb: 'Set limits',
    async act(form) {
      const number = (key) => (form.get(key).trim() === '' ? null : Number(form.get(key)));
      const whole = (key, label) => {
        const value = number(key);
        if (value != null && !(Number.isInteger(value) && Math.abs(value) < 2 ** 31)) throw new Error(`${label} is a whole number.`);
        return value;
      };
      const most = whole('maxRunning', 'The number of jobs at a time');
      const jobs = whole('jobs', 'The number of jobs begun');
      const periodSeconds = number('period');
      if ((jobs == null) !== (periodSeconds == null)) throw new Error('A rate needs both: how many jobs, and in how many seconds.');
      const input = { name };
      // Only what changes: setting a rate fills it up again.
      if (most !== (maxRunning ?? null)) input.maxRunning = most;
      if (jobs !== (rateLimit?.jobs ?? null) || periodSeconds !== (rateLimit?.periodSeconds ?? null)) {
        input.rate = jobs == null ? null : { jobs, periodSeconds };
      }
      const { queue } = await app.session.change(LIMIT, { input });
      app.put('queues', queue);
      app.toast(`The limits of ${name} are set.`);
    },
  });
}
