// One job: where it is, what became of each attempt, and what is done to it.

import { acting, cell, el, keep, say, show, table } from './dom.js';
import { cancel, retry } from './jobs.js';
import * as text from './text.js';

const FIELDS = `id kind queue priority state attempt maxAttempts cancelRequested lastError result createdAt runAt startedAt finishedAt
  progress { done total note } attempts { number worker startedAt finishedAt error }`;
const ONE = `query Job($id: ID!) { job(id: $id) { ${FIELDS} } }`;
const FOLLOW = `subscription FollowJob($id: ID!) { jobUpdated(id: $id) { ${FIELDS} } }`;

export function jobView(app) {
  let id = null;
  let job = null;
  let unfollow = null;
  let reading = false;

  const back = el('a', { class: 'back', href: '#/jobs' }, '← Jobs');
  const title = el('h2', { id: 'job-title' });
  const state = text.stateMark();
  const name = el('code', { class: 'id' });
  const again = el('button', { type: 'button', class: 'primary', onclick: acting(app, async () => put({ ...job, ...(await retry(app, job)) })) }, 'Retry');
  const stop = el('button', { type: 'button', onclick: acting(app, async () => put({ ...job, ...(await cancel(app, job)) })) }, 'Cancel');
  const bar = el('span', { class: 'bar', 'aria-hidden': 'true' }, el('span'));
  const progress = el('p', { class: 'progress' }, el('span'), bar);
  const facts = factList(['Queue', 'Priority', 'Attempts', 'Enqueued', 'Due', 'Started', 'Over']);
  const problem = el('p', { class: 'message', role: 'alert', hidden: true });
  const errorBox = block('Why it failed last');
  const resultBox = block('Result');
  const attempts = table('Attempts', [['Attempt', 'number w-attempt'], ['Began', 'w-when'], ['Took', 'number w-attempt'], ['Outcome'], ['Worker', 'w-worker']]);
  const none = el('p', { class: 'empty' });
  const details = el('div', {},
    el('div', { class: 'card' },
      el('div', { class: 'job-head' }, el('div', {}, title, name), state,
        el('div', { class: 'actions' }, app.may('JOBS_MANAGE') && [again, stop])),
      progress, facts.node),
    errorBox.node, resultBox.node,
    el('h3', {}, 'Attempts'),
    el('div', { class: 'card flush' }, attempts.node, none));
  const root = el('section', { 'aria-labelledby': 'job-title' }, back, problem, details);

  function put(now) {
    job = now;
    show(details, true);
    show(problem, false);
    document.title = `${job.kind} · Ironmonger · Jobs`;
    say(title, job.kind);
    say(name, job.id);
    text.setState(state, job);
    show(again, text.isRetryable(job));
    show(stop, text.isCancelable(job));
    const { done, total } = job.progress;
    say(progress.firstElementChild, text.progressText(job.progress));
    show(progress, text.progressText(job.progress) !== '');
    show(bar, total > 0);
    bar.firstElementChild.style.width = `${Math.min(100, (100 * done) / Math.max(total ?? 0, 1))}%`;
    facts.put('Queue', job.queue);
    facts.put('Priority', job.priority);
    facts.put('Attempts', `${job.attempt} of ${job.maxAttempts}`);
    facts.putTime('Enqueued', job.createdAt);
    facts.putTime('Due', job.runAt);
    facts.putTime('Started', job.startedAt);
    facts.putTime('Over', job.finishedAt);
    errorBox.put(job.state === 'SUCCEEDED' ? null : job.lastError);
    resultBox.put(job.result == null ? null : JSON.stringify(job.result, null, 2));
    keep(attempts.body, [...job.attempts].reverse(), (attempt) => attempt.number, attemptRow);
    show(attempts.node, job.attempts.length > 0);
    say(none, job.attempt > 0 ? 'No attempt is on record.' : 'It has not been begun yet.');
    show(none, job.attempts.length === 0);
    // A finished job is left alone by the server; it may be brought back.
    if (!text.isFinished(job)) follow();
  }

  function follow() {
    unfollow ??= app.live.subscribe(FOLLOW, { id }, {
      next: ({ jobUpdated }) => put(jobUpdated),
      complete: () => { unfollow = null; },
      error: (error) => app.fail(error),
    });
  }

  function refuse(message) {
    show(details, false);
    say(problem, message);
    show(problem, true);
  }

  async function read() {
    if (reading) return;
    reading = true;
    const wanted = id;
    try {
      const { job: found } = await app.session.query(ONE, { id });
      if (wanted !== id) return;
      if (found) put(found);
      else refuse('There is no job with this id. Jobs that are over are removed after a while.');
    } catch (error) {
      if (wanted === id && !job) refuse(error.message);
    } finally {
      reading = false;
      if (id && wanted !== id) read();
    }
  }

  function leave() {
    unfollow?.();
    unfollow = null;
    id = job = null;
  }

  return {
    root,
    enter(_, wanted, from) {
      leave();
      id = wanted;
      back.href = from;
      show(details, false);
      show(problem, false);
      read();
    },
    update() {
      if (id && job && text.isFinished(job)) read();
    },
    leave,
  };
}

function attemptRow() {
  const number = el('span');
  const began = text.when();
  const length = el('span');
  const outcome = el('pre');
  const worker = el('span', { class: 'muted wrap' });
  const node = el('tr', { role: 'row' },
    cell('Attempt', 'number', number),
    cell('Began', '', began),
    cell('Took', 'number', length),
    cell(null, '', outcome),
    cell('Worker', '', worker));
  return {
    node,
    update(attempt) {
      say(number, attempt.number);
      text.setWhen(began, attempt.startedAt);
      say(length, attempt.finishedAt ? text.took(attempt.startedAt, attempt.finishedAt) : '–');
      say(outcome, attempt.error ?? (attempt.finishedAt ? 'no error' : 'running'));
      outcome.dataset.bad = Boolean(attempt.error);
      say(worker, attempt.worker);
    },
  };
}

function factList(names) {
  const facts = new Map(names.map((name) => [name, { value: el('dd'), time: text.when() }]));
  const node = el('dl', { class: 'facts' }, [...facts].map(([name, { value }]) => el('div', {}, el('dt', {}, name), value)));
  return {
    node,
    put: (name, value) => say(facts.get(name).value, value),
    putTime(name, at) {
      const { value, time } = facts.get(name);
      if (!time.isConnected) value.replaceChildren(time);
      text.setWhen(time, at);
    },
  };
}

function block(name) {
  const words = el('pre', { tabindex: '0', 'aria-label': name });
  const node = el('div', { hidden: true }, el('h3', {}, name), words);
  return {
    node,
    put(value) {
      say(words, value);
      show(node, value != null);
    },
  };
}
