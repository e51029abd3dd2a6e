// Tells Monaco where its workers are: next to this script, with the same
// version in the address.
const NAMES = { json: 'json.worker.js', graphql: 'graphql.worker.js' };
const version = new URL(import.meta.url).search;

globalThis.MonacoEnvironment = {
  getWorker(_id, label) {
    const name = NAMES[label] ?? 'editor.worker.js';
    return new Worker(new URL(`./${name}${version}`, import.meta.url), { name: label });
  },
};
