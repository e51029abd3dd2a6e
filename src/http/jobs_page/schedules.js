// The section Schedules: what runs by the clock.

import { acting, cell, el, keep, say, set, show, table } from './dom.js';
import { setWhen, when } from './text.js';

/** What is read of a schedule, here and for the board. */
export const SCHEDULE = 'name kind queue cron enabled lastRunAt nextRunAt';

const ENABLE = `mutation Enable($name: String!) { scheduleEnable(name: $name) { schedule { ${SCHEDULE} } userErrors { message } } }`;
const DISABLE = `mutation Disable($name: String!) { scheduleDisable(name: $name) { schedule { ${SCHEDULE} } userErrors { message } } }`;
const RUN = 'mutation Run($name: String!) { scheduleRun(name: $name) { job { id } userErrors { message } } }';

export function schedulesView(app) {
  const columns = [['Schedule'], ['Kind, queue'], ['When (UTC)'], ['Last run'], ['Next run'], ['Actions', 'end']];
  const { node, body } = table('Schedules', columns);
  const none = el('p', { class: 'empty', hidden: true }, 'Nothing runs by the clock yet. A worker declares schedules when it starts.');
  const root = el('section', { 'aria-labelledby': 'schedules-title' },
    el('h2', { id: 'schedules-title' }, 'Schedules'),
    el('div', { class: 'card flush' }, node, none));
  return {
    root,
    update({ schedules }) {
      keep(body, schedules, (schedule) => schedule.name, () => row(app));
      show(none, schedules.length === 0);
      show(node, schedules.length > 0);
    },
  };
}

function row(app) {
  let schedule;
  const name = el('span', { class: 'name' });
  const disabled = el('span', { class: 'badge warn', hidden: true }, 'Disabled');
  const kind = el('a');
  const queue = el('span', { class: 'muted' });
  const cron = el('code', { title: 'second, minute, hour, day of the month, month, day of the week' });
  const last = when();
  const next = when();
  const run = el('button', {
    type: 'button', class: 'small',
    onclick: acting(app, async () => {
      const { job } = await app.session.change(RUN, { name: schedule.name });
      app.toast(`${schedule.name} is enqueued.`);
      location.hash = `#/job/${job.id}`;
    }),
  }, 'Run now');
  const toggle = el('button', {
    type: 'button', class: 'small',
    onclick: acting(app, async () => {
      const { name, enabled } = schedule;
      const { schedule: now } = await app.session.change(enabled ? DISABLE : ENABLE, { name });
      app.put('schedules', now);
      app.toast(enabled ? `${name} does not run by the clock any more.` : `${name} runs by the clock again.`);
    }),
  });
  const node = el('tr', { role: 'row' },
    cell(null, 'head', name, ' ', disabled),
    cell('Kind, queue', '', el('span', {}, kind, ' ', queue)),
    cell('When (UTC)', '', cron),
    cell('Last run', '', last),
    cell('Next run', '', next),
    cell(null, 'end actions', app.may('JOBS_MANAGE') && [run, toggle]));
  return {
    node,
    update(now) {
      schedule = now;
      say(name, schedule.name);
      show(disabled, !schedule.enabled);
      say(kind, schedule.kind);
      set(kind, 'href', `#/jobs?kind=${encodeURIComponent(schedule.kind)}`);
      say(queue, schedule.queue);
      say(cron, schedule.cron);
      setWhen(last, schedule.lastRunAt, 'never');
      setWhen(next, schedule.nextRunAt);
      set(run, 'aria-label', `Run ${schedule.name} now`);
      say(toggle, schedule.enabled ? 'Disable' : 'Enable');
      set(toggle, 'aria-label', `${schedule.enabled ? 'Disable' : 'Enable'} ${schedule.name}`);
    },
  };
}
