// Load for test_upgrades.py through a pool of one of Node's clients. Arguments: port, user, password, database, a CA's
// file or "-", the first number, how many at the same time, then mysql2 or mariadb. Each takes a connection out of the
// pool, begins a transaction, writes its next number in two rows with a statement of another's silo between them, and
// commits; every second one is slow. Text and prepared statements by turns. At the end of standard input it stops and
// prints: the numbers that were acknowledged, those whose COMMIT has no answer, errors before a transaction by their
// code, what went wrong inside of one, and how many statements crossed.
'use strict';

const [port, user, password, database, ca, base, clients, client] = process.argv.slice(2);
const found = { acknowledged: [], unknown: [], errors: {}, wrong: [], violations: 0 };
const options = {
  host: '127.0.0.1', port: Number(port), user, password, database, connectionLimit: Number(clients) + 1,
};
if (ca !== '-') options.ssl = { ca: require('fs').readFileSync(ca) };
let stop = false;
process.stdin.on('end', () => { stop = true; }).resume();

const pool = client === 'mysql2' ? require('mysql2/promise').createPool(options)
  : require('mariadb').createPool({ ...options, allowPublicKeyRetrieval: true, acquireTimeout: 30000 });

// MariaDB's pool gives a connection that was told of an error while it was idle back to itself instead of closing it
// (3.4.5: pooled `end` is release), and then throws at the end of the stream, where nobody listens any more: so listen.
if (client !== 'mysql2') pool.on('connection', (connection) => { connection.on('error', () => {}); });

const sleep = (milliseconds) => new Promise((done) => { setTimeout(done, milliseconds); });

async function transaction(number, slow, prepared) {
  const connection = await pool.getConnection();
  const unknown = new Set();
  let begun = false;
  try {
    await connection.query('BEGIN');
    begun = true;
    const run = (text, values) => (prepared ? connection.execute(text, values) : connection.query(text, values));
    await run('INSERT INTO takeover_numbers VALUES (?, 1)', [number]);
    if (slow) await sleep(Math.random() * 100);
    await run('SELECT 1 FROM clinical_data.patients LIMIT 1', []);
    found.violations += 1;
    await run('INSERT INTO takeover_numbers VALUES (?, 2)', [number]);
    unknown.add(number);
    await connection.query('COMMIT');
    unknown.delete(number);
    found.acknowledged.push(number);
    connection.release();
  } catch (error) {
    found.unknown.push(...unknown);
    if (begun) found.wrong.push(`inside a transaction: ${error.code} ${error.message}`);
    if (connection.destroy) connection.destroy();
    else connection.release();
    throw error;
  }
}

async function run(number) {
  for (let done = 0; !stop; done += 1) {
    if (Math.random() < 0.3) await sleep(Math.random() * 50);
    try {
      await transaction(Number(base) + number * 1000000 + done, number % 2 === 1, done % 2 === 1);
    } catch (error) {
      const code = error.errno && error.errno > 0 ? error.errno : error.code || error.message;
      found.errors[code] = (found.errors[code] || 0) + 1;
    }
  }
}

process.on('uncaughtException', (error) => { found.wrong.push(`nobody could catch: ${error.stack}`); });

(async () => {
  await Promise.all(Array.from({ length: Number(clients) }, (_, number) => run(number)));
  await pool.end().catch(() => {});
  process.stdout.write(JSON.stringify(found), () => process.exit(0));
})();
