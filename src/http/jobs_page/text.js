// Figures and times in words.

import { el, say, set } from './dom.js';

const counts = new Intl.NumberFormat('en');
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'long' });

/** 1234567 as 1,234,567. */
export const count = (number) => counts.format(number);

/** "1 job", "1,234 jobs". */
export const jobs = (number) => `${count(number)} ${number === 1 ? 'job' : 'jobs'}`;

const UNITS = [[86400, 'd'], [3600, 'h'], [60, 'min']];

/** 42 s, 5 min, 3 h, 2 d. */
export function duration(seconds) {
  const [size, unit] = UNITS.find(([size]) => seconds >= size) ?? [1, 's'];
  return `${count(Math.floor(seconds / size))} ${unit}`;
}

/** 300 ms, 4.2 s, 12 s, 5 min: how long something took. */
export function took(from, to) {
  const ms = Date.parse(to) - Date.parse(from);
  if (ms < 1000) return `${Math.max(ms, 0)} ms`;
  return ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : duration(ms / 1000);
}

// This machine's clock may be wrong; times are compared with the server's.
let ahead = 0;

/** Takes the time from an answer of the server. */
export function learnTime(response) {
  const date = Date.parse(response.headers.get('date') ?? '');
  if (Number.isNaN(date)) return;
  // The header is cut to whole seconds.
  const found = date + 500 - Date.now();
  if (Math.abs(found - ahead) > 1000) ahead = found;
}

/** Now, by the server's clock. */
export const now = () => Date.now() + ahead;

/** A time that is shown from now: "5 s ago", "in 2 h", or with the form `age` "5 s". It goes on by itself. */
export function when(form = 'ago') {
  return el('time', { 'data-form': form });
}

/** Sets what a [when] shows; `none` stands for no time. */
export function setWhen(node, time, none = '–') {
  set(node, 'datetime', time ?? null);
  set(node, 'title', time ? exact.format(new Date(time)) : null);
  node.dataset.none = none;
  tell(node);
}

function tell(node) {
  const at = node.getAttribute('datetime');
  if (!at) return say(node, node.dataset.none);
  const seconds = (now() - Date.parse(at)) / 1000;
  if (node.dataset.form === 'age') return say(node, duration(Math.max(seconds, 0)));
  if (Math.abs(seconds) < 2) return say(node, 'just now');
  return say(node, seconds > 0 ? `${duration(seconds)} ago` : `in ${duration(-seconds)}`);
}

setInterval(() => document.querySelectorAll('time[datetime]').forEach(tell), 1000);

/** The states of a job, in the order of its life. */
export const STATES = ['SCHEDULED', 'READY', 'RUNNING', 'RETRYING', 'SUCCEEDED', 'DEAD', 'CANCELED'];

/** "Retrying". */
export const stateName = (state) => state[0] + state.slice(1).toLowerCase();

/** Whether nothing more happens to a job by itself. */
export const isFinished = (job) => ['SUCCEEDED', 'DEAD', 'CANCELED'].includes(job.state);

/** Whether an operator may make the job ready. */
export const isRetryable = (job) => ['DEAD', 'CANCELED', 'RETRYING', 'SCHEDULED'].includes(job.state);

/** Whether an operator may cancel the job. */
export const isCancelable = (job) => !isFinished(job) && !job.cancelRequested;

/** A mark for the state of a job. */
export function stateMark() {
  return el('span', { class: 'state' });
}

/** Sets what a [stateMark] shows. */
export function setState(node, job) {
  node.dataset.state = job.state;
  say(node, job.cancelRequested ? 'Stopping' : stateName(job.state));
}

/** How far a job is: "120 of 500, writing"; empty when it has not said. */
export function progressText({ done, total, note }) {
  if (!done && !total && !note) return '';
  const figures = total == null ? count(done) : `${count(done)} of ${count(total)}`;
  return note ? `${figures}, ${note}` : figures;
}
