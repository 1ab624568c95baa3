// Statements through one of Node's clients, each on a connection of its own: a line of JSON asks, a line answers,
// once that connection is closed.
'use strict';

let asked, options;

function text(value) {
  if (value === null || value === undefined) return null;
  if (Buffer.isBuffer(value)) return value.toString();
  if (typeof value === 'object') return JSON.stringify(value);
  return String(value);
}

function rows(result) {
  return Array.isArray(result) ? result.map((row) => Array.from(row, text)) : [];
}

const ways = {
  async mysql2(execute) {
    const connection = await require('mysql2/promise').createConnection(options);
    try {
      const question = { sql: asked.statement, rowsAsArray: true };
      const [result] = execute ? await connection.execute(question, asked.values)
        : await connection.query(question);
      return rows(result);
    } finally {
      await connection.end().catch(() => {});
    }
  },
  async mariadb(execute) {
    const connection = await require('mariadb').createConnection(
      { ...options, allowPublicKeyRetrieval: true, dateStrings: true, connectTimeout: 20000 });
    try {
      const question = { sql: asked.statement, rowsAsArray: true };
      return rows(execute ? await connection.execute(question, asked.values)
        : await connection.query(question));
    } finally {
      await connection.end().catch(() => {});
    }
  },
  mysql() {
    const connection = require('mysql').createConnection(options);
    return new Promise((resolve, reject) => {
      connection.query(asked.statement, (error, result) => {
        connection.destroy();
        if (error) reject(error);
        else resolve(Array.isArray(result) ? result.map((row) => Object.values(row).map(text)) : []);
      });
    });
  },
};

// What a client throws where nobody can catch it.
process.on('uncaughtException', (error) => {
  answer({ error: -1, message: error.message, ends: true }, () => process.exit(0));
});

function answer(found, then) {
  process.stdout.write(JSON.stringify({ ...found, number: asked.number }) + '\n', then);
}

async function closed() {
  while (process.getActiveResourcesInfo().includes('TCPSocketWrap')) {
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

async function run(line) {
  asked = JSON.parse(line);
  options = {
    host: '127.0.0.1', port: asked.port, user: asked.user, password: asked.password,
    database: asked.database || undefined, dateStrings: true, connectTimeout: 20000,
  };
  if (asked.tls) options.ssl = { ca: require('fs').readFileSync(asked.tls) };
  const [way, execute] = asked.way.split('-');
  let found;
  try {
    found = { rows: await ways[way](execute === 'execute') };
  } catch (error) {
    found = { error: error.errno || -1, message: `${error.code || ''} ${error.sqlMessage || error.message}` };
  }
  await closed();
  answer(found);
}

require('readline').createInterface({ input: process.stdin }).on('line', run);
