// Counts what holds; the process fails when something does not, or when nothing was checked.
let passed = 0;
let failed = 0;

export const url = new URL('/graphql', process.argv[2] ?? 'http://127.0.0.1:8080');
export const orderToken = process.env.ORDER_TOKEN;

export function check(name, holds, found) {
  if (holds) {
    passed += 1;
    return;
  }
  failed += 1;
  console.error(`FAILED ${name}: ${JSON.stringify(found)}`);
}

export function within(ms, promise, what) {
  const late = new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`${what}: nothing after ${ms} ms`)), ms).unref();
  });
  return Promise.race([promise, late]);
}

export function finish() {
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed > 0 || passed === 0 ? 1 : 0);
}
