// mysql2 or mariadb, the first argument: see Client.java.
'use strict';

const [kind, port, packed, user, password, database, hang] = process.argv.slice(2);
const driver = kind === 'mysql2' ? require('mysql2/promise') : require('mariadb');
const base = { host: '127.0.0.1', port: Number(port), user, password, database };
if (kind === 'mariadb') base.allowPublicKeyRetrieval = true;
const out = {};
const sleep = (milliseconds) => new Promise((done) => { setTimeout(done, milliseconds); });
const killed = (connection) => connection.on('error', () => {}); // without a listener it ends the process

async function open(more = {}) {
  const connection = await driver.createConnection({ ...base, ...more });
  killed(connection);
  return connection;
}

async function one(connection, text, values) {
  const ask = values ? connection.execute({ sql: text, rowsAsArray: true }, values)
    : connection.query({ sql: text, rowsAsArray: true });
  const rows = kind === 'mysql2' ? (await ask)[0] : await ask;
  return String(rows[0][0]);
}

async function topic(name, what) {
  try {
    out[name] = await what();
  } catch (error) {
    out[name] = `failed: ${error.message}`;
  }
}

async function refused(what) {
  try {
    await what();
    return 'let in';
  } catch (error) {
    return String(error.errno);
  }
}

async function ended(ask, after) {
  const begun = Date.now();
  await ask().catch(() => {}); // that is what an end is
  return `${Date.now() - begun < 40000 ? 'in time' : 'late'}, ${await one(after, "SELECT 'alive'")}`;
}

async function timeout(connection) {
  if (kind === 'mysql2') {
    const limited = await open();
    const how = await ended(() => limited.query({ sql: 'SELECT SLEEP(60)', timeout: 1000 }), connection);
    limited.destroy();
    return how;
  }
  if (connection.info.isMariaDB()) {
    return ended(() => connection.query({ sql: 'SELECT SLEEP(60)', timeout: 1000 }), connection);
  }
  const limited = await open({ socketTimeout: 1000 });
  return ended(() => limited.query('SELECT SLEEP(60)'), connection);
}

async function cancel(connection) {
  const killer = await open();
  const how = ended(() => connection.query('SELECT SLEEP(60)'), connection);
  await sleep(1000);
  await killer.query(`KILL QUERY ${connection.threadId}`);
  const seen = await how;
  await killer.end();
  return seen;
}

async function pool(connection) {
  const four = driver.createPool({ ...base, connectionLimit: 4, minDelayValidation: 0 });
  const good = async () => (await one(four, "SELECT 'good'").catch((error) => error.message)) === 'good';
  const round = () => Promise.all(Array.from({ length: 12 }, good));
  const first = await four.getConnection();
  killed(first);
  const id = await one(first, 'SELECT CONNECTION_ID()');
  await first.release();
  const found = await round();
  const kill = () => connection.query(`KILL ${id}`);
  while (await refused(kill) === 'let in') await sleep(20); // until there is no such thread
  await sleep(300); // the end of the stream is on its way
  found.push(...await round());
  await four.end().catch(() => {});
  return `${found.filter((one) => one).length} of 24`;
}

(async () => {
  const connection = await open();
  if (hang) {
    await one(connection, "SELECT GET_LOCK('dr1ver', 600)");
    return;
  }
  await topic('login', () => one(connection, "SELECT CONCAT(CURRENT_USER(), ' ', DATABASE())"));
  await topic('refused', () => refused(() => open({ password: 'wrong' })));
  await topic('error', () => refused(() => one(connection, 'SELECT nothing FROM nowhere_at_all')));
  await topic('big', async () => {
    const found = await one(connection, 'SELECT CONCAT(?, LENGTH(?))', ["ü'\\", 'x'.repeat(17 << 20)]);
    return `${found} ${(await one(connection, "SELECT REPEAT('y', 20000000)")).length}`;
  });
  await topic('timeout', () => timeout(connection));
  await topic('cancel', () => cancel(connection));
  await topic('compression', async () => {
    const c = await open({ port: Number(packed), compress: true });
    const length = (await one(c, "SELECT REPEAT('z', 1000000)")).length;
    return `${length} ${await one(c, `SELECT LENGTH('${'w'.repeat(2000000)}')`)}`;
  });
  await topic('pool', () => pool(connection));
  process.stdout.write(`${JSON.stringify(out)}\n`, () => process.exit(0));
})();
