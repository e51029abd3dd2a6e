// The audit of GraphQL over HTTP: node audit.mjs http://127.0.0.1:8080
import { auditServer } from 'graphql-http';
import { check, finish, url } from './check.mjs';

const results = await auditServer({ url: url.href, fetchFn: fetch });
for (const result of results) {
  check(`${result.id} ${result.name}`, result.status === 'ok', result.reason);
}
const ok = results.filter((result) => result.status === 'ok').length;
console.log(`audit: ${ok} of ${results.length}`);
check('the audit has 61 checks', results.length === 61, results.length);
finish();
