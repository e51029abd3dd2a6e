// The page: signing in, the sections, and whether the figures are live.

import { say, set, show } from './dom.js';
import { toast } from './dialogs.js';
import { jobView } from './job.js';
import { jobsView } from './jobs.js';
import { Live } from './live.js';
import { QUEUE, queuesView } from './queues.js';
import { SCHEDULE, schedulesView } from './schedules.js';
import { Session } from './session.js';
import { count } from './text.js';
import { workersView } from './workers.js';

const BOARD = `subscription Board { jobBoardUpdated {
  queues { ${QUEUE} }
  workers { id host pid version queues concurrency running startedAt lastSeenAt }
  schedules { ${SCHEDULE} }
  lastEnqueuedAt lastFinishedAt } }`;

const TITLES = { queues: 'Queues', jobs: 'Jobs', workers: 'Workers', schedules: 'Schedules', job: 'Job' };

const $ = (id) => document.getElementById(id);
const session = new Session();
const live = new Live(session);
const app = {
  session,
  live,
  may: (permission) => session.may(permission),
  toast,
  fail: (error) => error.code !== 'UNAUTHENTICATED' && toast(error.message, true),
  /** Shows what a mutation answered, before the board says so too. */
  put(list, now) {
    if (!board || !now) return;
    board = { ...board, [list]: board[list].map((it) => (it.name === now.name ? now : it)) };
    draw();
  },
  /** The jobs with these ids that are still there; `fields` are what is read of each. */
  async jobsById(ids, fields) {
    const variables = Object.fromEntries(ids.map((id, place) => [`i${place}`, id]));
    const some = [];
    // A request has 20 fields at most.
    for (let from = 0; from < ids.length; from += 20) {
      const places = ids.slice(from, from + 20).map((_, place) => from + place);
      const document = `query JobsById(${places.map((place) => `$i${place}: ID!`)}) { ${places.map((place) => `j${place}: job(id: $i${place}) { ${fields} }`).join(' ')} }`;
      const chosen = Object.fromEntries(places.map((place) => [`i${place}`, variables[`i${place}`]]));
      some.push(...Object.values(await session.query(document, chosen)));
    }
    return some.filter(Boolean);
  },
};

let views = null;
let view = null;
let board = null;
let listHash = '#/jobs';
let trouble = null;
let connection = { open: false, retryAt: null };
let lost = false;

// Signing in and out

$('sign-in').addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = event.currentTarget;
  const button = form.querySelector('button');
  button.disabled = true;
  show($('door-message'), false);
  try {
    await session.signIn(form.email.value, form.password.value);
    form.password.value = '';
    await enter();
  } catch (error) {
    form.password.value = '';
    refuse(error.message);
    form.password.focus();
  } finally {
    button.disabled = false;
  }
});
for (const id of ['sign-out', 'refused-sign-out']) $(id).addEventListener('click', () => leave('You are signed out.', false));
session.onEnd = (message) => leave(message);
session.onRefresh = async () => {
  live.renew();
  const before = String(session.viewer?.permissions);
  await session.loadViewer().catch(() => {});
  // The roles were changed meanwhile.
  if (session.viewer && before !== String(session.viewer.permissions)) enter();
};

function refuse(message, failed = true) {
  say($('door-message'), message);
  $('door-message').classList.toggle('good', !failed);
  show($('door-message'), true);
}

function leave(message, failed = true) {
  live.stop();
  session.signOut();
  view?.leave?.();
  view = views = board = null;
  $('view').replaceChildren();
  $('toasts').replaceChildren();
  document.querySelectorAll('dialog').forEach((dialog) => dialog.close());
  knock();
  refuse(message, failed);
}

/** Shows the sign-in form. */
function knock() {
  document.title = 'Sign in · Ironmonger · Jobs';
  show($('board'), false);
  show($('refused'), false);
  show($('sign-in'), true);
  show($('door'), true);
  $('sign-in').email.focus();
}

async function enter() {
  const viewer = await session.loadViewer();
  if (!viewer) return leave('Your session has ended. Sign in again.');
  live.stop();
  if (!session.may('JOBS_READ')) {
    show($('board'), false);
    show($('sign-in'), false);
    say($('refused-email'), viewer.email);
    show($('refused'), true);
    show($('door'), true);
    document.title = 'Not allowed · Ironmonger · Jobs';
    return undefined;
  }
  say($('email'), viewer.email);
  show($('door'), false);
  show($('board'), true);
  view?.leave?.();
  view = null;
  views = {
    queues: queuesView(app), jobs: jobsView(app), workers: workersView(app), schedules: schedulesView(app), job: jobView(app),
  };
  route();
  live.start();
  live.subscribe(BOARD, {}, {
    next({ jobBoardUpdated }) {
      board = jobBoardUpdated;
      trouble = null;
      draw();
    },
    error(error) {
      trouble = error;
      drawStatus();
      // Either the roles were changed, or it passes.
      if (error.code === 'FORBIDDEN') enter().catch(app.fail);
    },
  });
  return undefined;
}

// The sections

function route() {
  if (!views) return;
  const [path, query = ''] = location.hash.slice(2).split('?');
  const [name, ...rest] = path.split('/');
  const chosen = Object.hasOwn(views, name) ? name : 'queues';
  const next = views[chosen];
  view?.leave?.();
  const moved = view !== next;
  view = next;
  if (chosen === 'jobs') listHash = location.hash || '#/jobs';
  document.title = `${TITLES[chosen]} · Ironmonger`;
  for (const link of document.querySelectorAll('nav.tabs a')) {
    const here = link.dataset.view === chosen || (chosen === 'job' && link.dataset.view === 'jobs');
    set(link, 'aria-current', here ? 'page' : null);
  }
  if (moved) {
    $('view').replaceChildren(view.root);
    scrollTo(0, 0);
  }
  view.enter?.(new URLSearchParams(query), decodeURIComponent(rest.join('/')), listHash);
  if (board) view.update(board);
  $('view').classList.toggle('loading', !board);
}
addEventListener('hashchange', () => {
  const before = view;
  route();
  // A reader of the page is taken along; a change of filter leaves the focus where it is.
  if (view !== before) $('view').focus({ preventScroll: true });
});

function draw() {
  view.update(board);
  $('view').classList.remove('loading');
  const dead = board.queues.reduce((sum, queue) => sum + queue.dead, 0);
  badge($('tab-dead'), dead, 'dead');
  badge($('tab-workers'), board.workers.length, 'alive');
  drawStatus();
}

function badge(node, number, what) {
  say(node, count(number));
  set(node, 'aria-label', `${count(number)} ${what}`);
  show(node, number > 0);
}

// Whether the figures are live

live.onStatus = (now) => {
  connection = now;
  // While the next try is under way there is still no connection.
  lost = !now.open && (lost || now.retryAt != null);
  drawStatus();
};
document.addEventListener('visibilitychange', () => !document.hidden && board && view.update(board));
$('reconnect').addEventListener('click', () => live.connectNow());
setInterval(drawStatus, 1000);

function drawStatus() {
  if (!views) return;
  const { open, retryAt } = connection;
  const isLive = open && board && !trouble;
  const failed = lost || trouble;
  $('status').dataset.live = isLive ? 'yes' : failed ? 'no' : 'soon';
  $('board').classList.toggle('stale', Boolean(board && failed));
  if (isLive) say($('status-text'), 'Live');
  else if (lost) say($('status-text'), 'Not live: no connection.');
  else say($('status-text'), trouble ? `Not live: ${trouble.message}` : 'Connecting…');
  // Beside the words that are read aloud, for it changes every second.
  const seconds = retryAt && Math.max(1, Math.ceil((retryAt - Date.now()) / 1000));
  say($('status-next'), !lost ? '' : seconds ? `Next try in ${seconds} s.` : 'Trying…');
  show($('reconnect'), lost);
}

if (await session.restore()) {
  try {
    await enter();
  } catch (error) {
    if (session.viewer === null) {
      knock();
      refuse(error.message);
    }
  }
} else {
  knock();
}
