// Entry of the page. Everything the page needs to know is on the root
// element, so no script is written into the HTML.
import './workers.js';

import { useEffect, useRef } from 'react';
import { createRoot } from 'react-dom/client';
import { GraphiQL } from 'graphiql';
import { useGraphiQL, useGraphiQLActions } from '@graphiql/react';

import { createFetcher } from './fetcher.js';
import './main.css';

const DEFAULT_QUERY = `# Welcome to Ironmonger.
#
# Run this with the play button or Ctrl-Enter.
# Ctrl-Space completes names. The book icon on the
# left opens the schema.
# An access token goes under "Headers" below:
#   { "Authorization": "Bearer ..." }

query Products {
  products(first: 5) {
    nodes {
      name
      slug
      priceRange {
        min {
          amount
          currencyCode
        }
      }
    }
  }
}
`;

// Picks the operation named in the address, once, when the editor knows it:
// the cursor goes there, so Ctrl-Enter runs it. The `operationName` property of
// GraphiQL would pin the name for every tab.
function SelectOperation({ name }) {
  const operations = useGraphiQL((state) => state.operations);
  const editor = useGraphiQL((state) => state.queryEditor);
  const { setOperationName } = useGraphiQLActions();
  const done = useRef(false);
  useEffect(() => {
    const operation = operations?.find((o) => o.name?.value === name);
    if (done.current || !editor || !operation) return;
    done.current = true;
    setOperationName(name);
    const position = editor.getModel().getPositionAt(operation.loc.start);
    editor.setPosition(position);
    editor.revealPositionInCenterIfOutsideViewport(position);
  }, [operations, editor, name, setOperationName]);
  return null;
}

function prettyJson(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

const root = document.getElementById('graphiql');
const params = new URLSearchParams(location.search);
const query = params.get('query') || undefined;
// A query from the address must not run with variables left from last time.
const variables = query && prettyJson(params.get('variables') ?? '');
const operationName = params.get('operationName');

const url = new URL(root.dataset.endpoint || '/graphql', location.href);
const fetcher = createFetcher(url);

createRoot(root).render(
  <GraphiQL
    fetcher={fetcher}
    defaultQuery={DEFAULT_QUERY}
    initialQuery={query}
    initialVariables={variables}
  >
    <GraphiQL.Logo>Ironmonger</GraphiQL.Logo>
    {query && operationName ? <SelectOperation name={operationName} /> : null}
  </GraphiQL>,
);
