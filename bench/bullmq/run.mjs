// BullMQ: no-op jobs per second from addBulk to completed, then the start latency of an idle queue.
// Prints one JSON object. Arguments: Redis URL, number of jobs, concurrency.
// With the argument "worker" in front it is the worker process.

import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Queue, Worker } from 'bullmq';

const args = process.argv.slice(2);
const isWorker = args[0] === 'worker';
const [url, jobsText, concurrencyText] = isWorker ? args.slice(1) : args;
const { hostname, port } = new URL(url);
const connection = { host: hostname, port: Number(port), maxRetriesPerRequest: null };
const jobs = Number(jobsText);
const concurrency = Number(concurrencyText);
const clock = () => performance.timeOrigin + performance.now();

if (isWorker) {
  let done = 0;
  const waits = [];
  const worker = new Worker('bench', async (job) => { if (job.name === 'late') waits.push(clock() - job.data.at); }, {
    connection,
    concurrency,
    removeOnComplete: { count: 0 },
  });
  worker.on('completed', () => {
    done += 1;
    if (done === jobs + 1) process.send({ done: clock() });
    else if (done === 1) process.send({ ready: true });
  });
  process.on('message', () => process.send({ waits }));
} else {
  const child = fork(fileURLToPath(import.meta.url), ['worker', ...args]);
  const answers = [];
  const waiting = [];
  child.on('message', (message) => (waiting.length ? waiting.shift()(message) : answers.push(message)));
  const next = () => (answers.length ? Promise.resolve(answers.shift()) : new Promise((resolve) => waiting.push(resolve)));
  const queue = new Queue('bench', { connection, defaultJobOptions: { removeOnComplete: true } });
  await queue.add('first', {});
  await next();
  const started = clock();
  for (let n = 0; n < jobs; n += 500) {
    await queue.addBulk(Array.from({ length: Math.min(500, jobs - n) }, (_, i) => ({ name: 'noop', data: { n: n + i } })));
  }
  const { done } = await next();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  for (let n = 0; n < 500; n += 1) {
    await queue.add('late', { at: clock() });
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  child.send('waits');
  const waits = (await next()).waits.sort((a, b) => a - b);
  const at = (share) => waits[Math.round((waits.length - 1) * share)];
  const version = JSON.parse(readFileSync('node_modules/bullmq/package.json', 'utf8')).version;
  console.log(JSON.stringify({
    version,
    jobs_per_second: (jobs * 1000) / (done - started),
    latency_p50_ms: at(0.5),
    latency_p99_ms: at(0.99),
  }));
  child.kill();
  await queue.close();
  process.exit(0);
}
