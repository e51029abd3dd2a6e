// Builds the GraphiQL page of Ironmonger.
//   node build.mjs OUT    OUT gets the compressed assets and version.txt
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import * as esbuild from 'esbuild';

const out = resolve(process.argv[2] ?? 'dist');
const here = import.meta.dirname;
const sha = (data) => createHash('sha256').update(data).digest('hex').slice(0, 12);

// Modules that get a smaller stand-in.
const STAND_INS = [
  // The editor without the features this page does not need.
  [/(^|\/)edcore\.main\.js$/, { path: join(here, 'src/monaco.js') }],
  // Prettier: JSON by the JSON parser, and one copy of the GraphQL plugin.
  [/^prettier\/(plugins\/estree|parser-babel)$/, { path: join(here, 'src/prettier-jsonc.js') }],
  [/^prettier\/parser-graphql$/, { path: join(here, 'node_modules/prettier/plugins/graphql.mjs') }],
];

const standIns = {
  name: 'stand-ins',
  setup(build) {
    for (const [filter, result] of STAND_INS) build.onResolve({ filter }, () => result);
    // The icon font: a file of its own, with its hash in the address.
    build.onResolve({ filter: /codicon\.ttf$/ }, (args) => {
      const font = readFileSync(join(args.resolveDir, args.path));
      assets.set('codicon.ttf', font);
      return { path: `codicon.ttf?v=${sha(font)}`, external: true };
    });
  },
};

const assets = new Map();
const inputs = new Set();

async function bundle(entryPoints, format) {
  const result = await esbuild.build({
    absWorkingDir: here,
    entryPoints,
    format,
    bundle: true,
    minify: true,
    sourcemap: false,
    legalComments: 'none',
    charset: 'utf8',
    target: 'es2022',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
    plugins: [standIns],
    banner: { js: '/* Third-party licences: see licenses.txt next to this file. */' },
    outdir: out,
    write: false,
    metafile: true,
    logLevel: 'warning',
  });
  for (const file of result.outputFiles) assets.set(basename(file.path), Buffer.from(file.contents));
  for (const output of Object.values(result.metafile.outputs)) {
    for (const [path, { bytesInOutput }] of Object.entries(output.inputs)) {
      if (bytesInOutput > 0) inputs.add(path);
    }
  }
}

await bundle({ graphiql: 'src/main.jsx' }, 'esm');
await bundle(
  {
    'editor.worker': 'monaco-editor/esm/vs/editor/editor.worker.js',
    'graphql.worker': 'monaco-graphql/esm/graphql.worker.js',
    'json.worker': 'monaco-editor/esm/vs/language/json/json.worker.js',
  },
  'iife',
);

const licenses = collectLicenses();
assets.set('licenses.txt', Buffer.from(licenses));

mkdirSync(out, { recursive: true });
const names = [...assets.keys()].sort();
const whole = createHash('sha256');
let total = 0;
for (const name of names) {
  const data = assets.get(name);
  whole.update(`${name}\0${data.length}\0`).update(data);
  const packed = brotliCompressSync(data, {
    params: {
      [constants.BROTLI_PARAM_MODE]: name.endsWith('.ttf') ? constants.BROTLI_MODE_FONT : constants.BROTLI_MODE_TEXT,
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_LGWIN]: 24,
      [constants.BROTLI_PARAM_SIZE_HINT]: data.length,
    },
  });
  writeFileSync(join(out, `${name}.br`), packed);
  total += packed.length;
  console.log(`${name.padEnd(20)} ${String(data.length).padStart(9)} -> ${String(packed.length).padStart(8)}`);
}
const version = whole.digest('hex').slice(0, 12);
writeFileSync(join(out, 'version.txt'), `${version}\n`);
console.log(`version ${version}, ${total} bytes compressed`);

// The licence of every package that has code in the output.
function collectLicenses() {
  const folders = new Map();
  for (const path of inputs) {
    const found = path.match(/^(.*node_modules\/((?:@[^/]+\/)?[^/]+))\//);
    if (found) folders.set(found[1], found[2]);
  }
  const byText = new Map();
  for (const [folder, name] of folders) {
    const { version, license } = JSON.parse(readFileSync(join(here, folder, 'package.json'), 'utf8'));
    const file = readdirSync(join(here, folder)).find((f) => /^(licen[sc]e|copying)(\.(md|txt))?$/i.test(f));
    const text = file
      ? readFileSync(join(here, folder, file), 'utf8').replace(/\r\n/g, '\n').trim()
      : `(The package has no licence file. Its manifest says: ${license}.)`;
    if (!byText.has(text)) byText.set(text, new Set());
    byText.get(text).add(`${name} ${version} (${license})`);
  }

  // Monaco carries two small libraries and an icon font inside.
  const notices = readFileSync(join(here, 'node_modules/monaco-editor/ThirdPartyNotices.txt'), 'utf8').replace(/\r\n/g, '\n');
  for (const title of ['nodejs path library', 'markedjs']) {
    const found = notices.match(new RegExp(`^%% (${title}.*)\\n=+\\n([\\s\\S]*?)\\n=+\\nEND OF`, 'm'));
    if (!found) throw new Error(`no notice for ${title} in monaco-editor`);
    byText.set(found[2].trim(), new Set([`${title}, in monaco-editor`]));
  }
  const purify = 'node_modules/monaco-editor/esm/vs/base/browser/dompurify/dompurify.js';
  if (existsSync(join(here, purify))) {
    const found = readFileSync(join(here, purify), 'utf8').match(/@license (DOMPurify.*?)\s*\*\//);
    if (!found) throw new Error('no licence line in the DOMPurify of monaco-editor');
    byText.set(found[1], new Set(['DOMPurify, in monaco-editor']));
  }
  byText.set(
    'Copyright (c) Microsoft Corporation. The icons are licensed under the\n' +
      'Creative Commons Attribution 4.0 International licence\n' +
      '(https://creativecommons.org/licenses/by/4.0/legalcode). Not changed.',
    new Set(['Codicons (codicon.ttf), in monaco-editor (CC-BY-4.0)']),
  );

  const sections = [...byText].map(([text, packages]) => [[...packages].sort(), text]);
  sections.sort((a, b) => (a[0][0] < b[0][0] ? -1 : 1));
  return (
    'The GraphiQL page of Ironmonger contains code from these packages.\n' +
    sections.map(([packages, text]) => `\n${'='.repeat(72)}\n${packages.join('\n')}\n${'-'.repeat(72)}\n${text}\n`).join('')
  );
}
