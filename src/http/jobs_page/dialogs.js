// Asking before something is done, and saying what became of it.

import { el, say, show } from './dom.js';

const SHOWN_MS = 6_000;

/** Shows a message for a while; a failure stays until it is dismissed. */
export function toast(text, failed = false) {
  const close = el('button', { type: 'button', class: 'quiet small', 'aria-label': 'Dismiss', onclick: () => node.remove() }, '✕');
  const node = el('div', { class: failed ? 'toast bad' : 'toast', role: failed ? 'alert' : null }, el('p', {}, text), close);
  const toasts = document.getElementById('toasts');
  while (toasts.children.length > 2) toasts.firstElementChild.remove();
  toasts.append(node);
  if (!failed) setTimeout(() => node.remove(), SHOWN_MS);
}

/**
 * A dialog with a form. `act()` is run when it is submitted, and the dialog stays open with the reason if that fails.
 * Resolves when it is closed.
 */
export function ask({ title, body, act, verb, danger = false }) {
  const problem = el('p', { class: 'message', role: 'alert', hidden: true });
  const back = el('button', { type: 'button', onclick: () => dialog.close() }, 'Go back');
  const go = el('button', { type: 'submit', class: danger ? 'danger' : 'primary' }, verb);
  const heading = el('h2', { id: 'dialog-title' }, title);
  const form = el('form', { novalidate: true }, heading, body, problem, el('div', { class: 'actions' }, back, go));
  const dialog = el('dialog', { 'aria-labelledby': 'dialog-title' }, form);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    go.disabled = true;
    show(problem, false);
    try {
      await act(new FormData(form));
      dialog.close();
    } catch (error) {
      say(problem, error.message);
      show(problem, true);
    } finally {
      go.disabled = false;
    }
  });
  document.body.append(dialog);
  dialog.showModal();
  // What cannot be taken back is not what Enter does at once.
  if (danger) back.focus();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve();
    });
  });
}
