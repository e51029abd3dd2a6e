// The section Workers: which processes run jobs.

import { cell, el, keep, say, set, show, table } from './dom.js';
import { count, setWhen, when } from './text.js';

export function workersView() {
  const columns = [['Process'], ['Takes jobs of'], ['Running'], ['Last seen'], ['Started'], ['Version']];
  const { node, body } = table('Workers', columns);
  const none = el('p', { class: 'empty', hidden: true },
    'No worker is alive: jobs wait. Start one with ', el('code', {}, 'ironmonger-worker'), '.');
  const root = el('section', { 'aria-labelledby': 'workers-title' },
    el('h2', { id: 'workers-title' }, 'Workers'),
    el('div', { class: 'card flush' }, node, none));
  return {
    root,
    update({ workers }) {
      keep(body, workers, (worker) => worker.id, row);
      show(none, workers.length === 0);
      show(node, workers.length > 0);
    },
  };
}

function row() {
  const host = el('span', { class: 'name' });
  const process = el('span', { class: 'muted' });
  const queues = el('span', { class: 'chips' });
  const figures = el('span');
  const bar = el('span', { class: 'bar', 'aria-hidden': 'true' }, el('span'));
  const seen = when();
  const started = when();
  const version = el('span');
  const node = el('tr', { role: 'row' },
    cell(null, 'head', host, el('br'), process),
    cell('Takes jobs of', '', queues),
    cell('Running', 'load', el('span', { class: 'load-box' }, figures, bar)),
    cell('Last seen', '', seen),
    cell('Started', '', started),
    cell('Version', '', version));
  return {
    node,
    update(worker) {
      say(host, worker.host);
      say(process, `process ${worker.pid}`);
      set(process, 'title', worker.id);
      keep(queues, worker.queues, (name) => name, () => {
        const chip = el('span', { class: 'chip' });
        return { node: chip, update: (name) => say(chip, name) };
      });
      say(figures, `${count(worker.running)} of ${count(worker.concurrency)}`);
      bar.firstElementChild.style.width = `${Math.min(100, (100 * worker.running) / Math.max(worker.concurrency, 1))}%`;
      setWhen(seen, worker.lastSeenAt);
      setWhen(started, worker.startedAt);
      say(version, worker.version);
    },
  };
}
