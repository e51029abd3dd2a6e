// Making and updating elements. Whatever a job says is text and stays text: nothing here parses markup.

/**
 * An element: `el('a', { class: 'name', href: '#/jobs' }, 'text', node)`. A property that begins with `on` is a listener;
 * null, undefined and false leave an attribute or a child out.
 */
export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else set(node, name, value);
  }
  node.append(...children.flat().filter((child) => child != null && child !== false));
  return node;
}

/** Sets an attribute; null, undefined and false take it away. Does nothing when it is set already. */
export function set(node, name, value) {
  if (value == null || value === false) node.removeAttribute(name);
  else if (node.getAttribute(name) !== (value === true ? '' : String(value))) node.setAttribute(name, value === true ? '' : value);
}

/** Sets the text. Does nothing when it is set already, so that a selection survives. */
export function say(node, text) {
  const wanted = text == null ? '' : String(text);
  if (node.textContent !== wanted) node.textContent = wanted;
}

/** Shows or hides. */
export function show(node, shown) {
  if (node.hidden === Boolean(shown)) node.hidden = !shown;
}

/**
 * Makes the children of `parent` follow `items`: one child per item, kept as long as its key is there, so that focus and
 * hover stay. `make(item)` answers with `{ node, update(item) }`.
 */
export function keep(parent, items, keyOf, make) {
  const before = parent.kept ?? new Map();
  const after = new Map(items.map((item) => [keyOf(item), before.get(keyOf(item)) ?? make(item)]));
  // First, so that what stays need not be moved: that would cost it the focus.
  for (const [key, { node }] of before) if (!after.has(key)) node.remove();
  let place = parent.firstElementChild;
  for (const item of items) {
    const { node, update } = after.get(keyOf(item));
    update(item);
    if (node === place) place = place.nextElementSibling;
    else parent.insertBefore(node, place);
  }
  parent.kept = after;
}

/** The head of a table, with the roles that browsers drop when a style sheet changes its display. */
export function table(label, columns) {
  const body = el('tbody', { role: 'rowgroup' });
  const head = columns.map(([name, kind]) => el('th', { role: 'columnheader', scope: 'col', class: kind }, name));
  const node = el('table', { role: 'table', 'aria-label': label },
    el('thead', { role: 'rowgroup' }, el('tr', { role: 'row' }, head)), body);
  return { node, body };
}

/** A cell; `label` stands before it where the table is narrow. */
export function cell(label, kind, ...children) {
  return el('td', { role: 'cell', 'data-label': label, class: kind }, ...children);
}

/** Runs an action of a button: not twice at once, and its failure is shown in words. */
export function acting(app, action) {
  return async (event) => {
    const button = event.currentTarget;
    if (button.getAttribute('aria-disabled') === 'true') return;
    // Not `disabled`, which would take the focus away.
    set(button, 'aria-disabled', 'true');
    try {
      await action();
    } catch (error) {
      app.fail(error);
    } finally {
      set(button, 'aria-disabled', null);
    }
  };
}
