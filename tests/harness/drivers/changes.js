// A reader of changes, as Debezium is one: prints the rows that are written to nilecare_lab.entries, until one is
// called "end". node changes.js PORT USER PASSWORD
const ZongJi = require('@vlasky/zongji').default;
const reader = new ZongJi({host: '127.0.0.1', port: Number(process.argv[2]), user: process.argv[3], password: process.argv[4]});
reader.on('ready', () => console.log('ready'));
reader.on('error', (error) => { console.log('error', error.errno, error.message); process.exit(1); });
reader.on('binlog', (event) => {
  for (const row of event.rows || []) {
    console.log(JSON.stringify(row));
    if (row.name === 'end') reader.stop(() => process.exit(0));
  }
});
reader.start({startAtEnd: true, includeEvents: ['tablemap', 'writerows'], includeSchema: {nilecare_lab: ['entries']}});
