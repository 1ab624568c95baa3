"""What Sequelize, Knex, TypeORM, Doctrine and mydumper themselves make of tables that have moved, through silogate and by the
old names: what docs/moves.md says of them under "Tools", whether it is welcome or not."""
import json
import os
import shutil
import subprocess

import pytest

from harness import places
from test_move_tools import ACCOUNT, finish, make_open_scene
from test_moves import make_scene  # noqa: F401: the fixture

MODULES = places.NODE_MODULES
# Each line of the answer: what was asked, and what came of it.
JS = r"""
const [port, what] = [+process.argv[2], process.argv[3]];
const say = async (name, ask) => {
  let found;
  try { found = await ask(); } catch (error) { found = 'ERROR ' + error.message; }
  console.log(JSON.stringify([name, found === undefined ? null : found]));
};
const account = {host: '127.0.0.1', port, user: 'mv_billing', password: 'mv_billing-secret', database: 'mv_old'};
const all = {
  async sequelize() {
    const {Sequelize, DataTypes} = require('sequelize');
    const s = new Sequelize(account.database, account.user, account.password,
                            {host: account.host, port, dialect: 'mysql', logging: false});
    const q = s.getQueryInterface();
    const T = s.define('t0', {client: DataTypes.INTEGER, number: DataTypes.INTEGER, note: DataTypes.STRING,
                              extra: DataTypes.INTEGER}, {timestamps: false, freezeTableName: true});
    await say('tables', async () => (await q.showAllTables()).includes('t0'));
    await say('exists', () => q.tableExists('t0'));
    await say('describe', async () => Object.entries(await q.describeTable('t0')).filter(([, one]) => one.primaryKey)
      .map(one => one[0]));
    await say('index', async () => (await q.showIndex('t0')).map(one => one.name).sort());
    await say('foreign', async () => (await q.getForeignKeyReferencesForTable('kept')).map(one => one.referencedTableSchema));
    await say('alter', async () => {
      await T.sync({alter: true});
      return Object.keys(await q.describeTable('t0')).includes('extra');
    });
    await say('column', async () => {
      await q.addColumn('t0', 'added', DataTypes.INTEGER);
      await q.renameColumn('t0', 'added', 'called');
      await q.addIndex('t0', ['called'], {name: 'by_called'});
      const found = Object.keys(await q.describeTable('t0')).includes('called');
      await q.removeIndex('t0', 'by_called');
      await q.removeColumn('t0', 'called');
      return found;
    });
    await say('rows', async () => (await T.findAll({attributes: ['id', 'client']})).length);
    await s.close();
  },
  async knex() {
    const k = require('knex')({client: 'mysql2', connection: account});
    const steps = {
      getMigrations: async () => ['first'], getMigrationName: one => one,
      getMigration: () => ({up: one => one.schema.alterTable('t0', t => { t.integer('parent').references('id').inTable('t0'); }),
                            down: one => one.schema.alterTable('t0', t => { t.dropForeign('parent'); t.dropColumn('parent'); })})};
    await say('exists', () => k.schema.hasTable('t0'));
    await say('column', () => k.schema.hasColumn('t0', 'note'));
    await say('info', async () => Object.keys(await k('t0').columnInfo()).sort());
    await say('create', () => k.schema.createTable('t0', t => { t.increments(); }));
    await say('latest', async () => (await k.migrate.latest({migrationSource: steps, tableName: 'kept_knex'}))[1]);
    await say('seen', async () => Object.keys(await k('t0').columnInfo()).includes('parent'));
    await say('rollback', async () => (await k.migrate.rollback({migrationSource: steps, tableName: 'kept_knex'}))[1]);
    await say('rows', async () => (await k.withSchema('mv_old').from('t0').select('t0.id')).length);
    await k.destroy();
  },
  async typeorm() {
    require('reflect-metadata');
    const {DataSource, EntitySchema} = require('typeorm');
    const T = new EntitySchema({name: 't0', tableName: 't0', columns: {
      id: {type: 'int', primary: true, generated: true}, client: {type: 'int'}, number: {type: 'int'},
      note: {type: 'varchar', length: 40, nullable: true, default: 'x'}}});
    const d = new DataSource({type: 'mysql', connectorPackage: 'mysql2', host: account.host, port, username: account.user,
                              password: account.password, database: account.database, entities: [T]});
    await d.initialize();
    await say('rows', async () => (await d.getRepository('t0').find()).length);
    await say('key', async () => {
      const runner = d.createQueryRunner();
      const table = await runner.getTable('t0');
      await runner.release();
      return table && table.primaryColumns.map(one => one.name);
    });
    await say('synchronize', async () => (await d.driver.createSchemaBuilder().log()).upQueries.map(one => one.query));
    await d.destroy();
  },
};
all[what]().catch(error => { console.error(error); process.exit(1); });
"""
PHP = r"""<?php
require_once '/usr/share/php/Doctrine/DBAL/autoload.php';
$connection = Doctrine\DBAL\DriverManager::getConnection(['driver' => 'pdo_mysql', 'host' => '127.0.0.1', 'port' => (int)$argv[1],
    'dbname' => 'mv_old', 'user' => 'mv_billing', 'password' => 'mv_billing-secret']);
$manager = $connection->createSchemaManager();
function say($name, $ask) {
    try { $found = $ask(); } catch (Throwable $error) { $found = 'ERROR ' . $error->getMessage(); }
    echo json_encode([$name, $found]), "\n";
}
say('tables', fn() => in_array('t0', $manager->listTableNames()));
say('exists', fn() => $manager->tablesExist(['t0']));
say('views', fn() => array_map(fn($one) => $one->getName(), array_values($manager->listViews())));
say('columns', fn() => array_keys($manager->listTableColumns('t0')));
say('introspect', fn() => $manager->introspectTable('t0')->getName());
say('rows', fn() => (int)$connection->fetchOne('SELECT COUNT(*) FROM t0'));
"""


def answers(done):
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads(line) for line in done.stdout.splitlines())


def ask_node(scene, folder, what):
    program = folder / "ask.js"
    program.write_text(JS)
    return answers(subprocess.run(["node", str(program), str(scene.gate.port), what], capture_output=True, text=True, timeout=120,
                                  env=dict(os.environ, NODE_PATH=str(MODULES))))


def ask_doctrine(scene, folder):
    program = folder / "ask.php"
    program.write_text(PHP)
    return answers(subprocess.run(["php", "-d", "error_reporting=0", str(program), str(scene.gate.port)], capture_output=True,
                                  text=True, timeout=120))


@pytest.fixture
def scene(make_scene):  # noqa: F811
    return make_open_scene(make_scene)


def move(scene):
    done = scene.move("--accept-unmapped")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.long
def test_sequelize(scene, tmp_path):
    """What it asks by the table's name is as before; sync takes it for missing, and alters nothing."""
    before = ask_node(scene, tmp_path, "sequelize")
    assert before == {"tables": True, "exists": True, "describe": ["id"], "index": ["PRIMARY", "client"], "foreign": ["mv_old"],
                      "alter": True, "column": True, "rows": 2}
    scene.server.sql("ALTER TABLE mv_old.t0 DROP COLUMN extra")
    move(scene)
    after = ask_node(scene, tmp_path, "sequelize")
    assert after == {**before, "tables": False, "exists": False, "foreign": ["mv_new"], "alter": False}
    finish(scene)
    assert ask_node(scene, tmp_path, "sequelize") == after


def test_knex(scene, tmp_path):
    """Its migrations run, there and back; what it reads of columns is what the alias had at first, or nothing."""
    columns = ["client", "id", "note", "number"]
    before = ask_node(scene, tmp_path, "knex")
    assert "already exists" in before.pop("create")
    assert before == {"exists": True, "column": True, "info": columns, "latest": ["first"], "seen": True, "rollback": ["first"],
                      "rows": 2}
    move(scene)
    after = ask_node(scene, tmp_path, "knex")
    assert "already exists" in after.pop("create")
    assert after == {**before, "seen": False}
    finish(scene)
    after = ask_node(scene, tmp_path, "knex")
    assert "already exists" in after.pop("create")
    assert after == {**before, "exists": False, "info": [], "seen": False}


@pytest.mark.long
def test_typeorm(scene, tmp_path):
    """Its synchronize takes the view for a table without a key: it would drop the key, and make it again."""
    before = ask_node(scene, tmp_path, "typeorm")
    assert before["key"] == ["id"] and before["rows"] == 2
    assert not any("DROP COLUMN" in text or "CREATE TABLE" in text for text in before["synchronize"]), before
    move(scene)
    after = ask_node(scene, tmp_path, "typeorm")
    assert after["key"] == [] and after["rows"] == 2
    assert "ALTER TABLE `t0` DROP COLUMN `id`" in after["synchronize"]
    finish(scene)
    after = ask_node(scene, tmp_path, "typeorm")
    assert after["key"] is None and after["rows"] == 2
    assert any(text.startswith("CREATE TABLE `t0`") for text in after["synchronize"])


@pytest.mark.long
def test_doctrine(scene, tmp_path):
    before = ask_doctrine(scene, tmp_path)
    assert before == {"tables": True, "exists": True, "views": [], "columns": ["id", "client", "number", "note"],
                      "introspect": "t0", "rows": 2}
    move(scene)
    after = ask_doctrine(scene, tmp_path)
    assert "There is no table" in after.pop("introspect")
    assert sorted(after.pop("views")) == ["t0", "t1"]
    assert after == {"tables": False, "exists": False, "columns": [], "rows": 2}
    finish(scene)
    after = ask_doctrine(scene, tmp_path)
    assert not after["tables"] and after["views"] == [] and after["rows"] == 2


@pytest.mark.skipif(not shutil.which("mydumper"), reason="no mydumper: Debian 13 has none")
def test_mydumper(scene, tmp_path):
    """While the alias is there it ends with an error, and its dump has a MyISAM table of that name, without rows."""
    def dump(name, database):
        done = subprocess.run(["mydumper", "-h", "127.0.0.1", "-P", str(scene.gate.port), "-u", ACCOUNT[0], "-p", ACCOUNT[1], "-B",
                               database, "-o", str(tmp_path / name), "--no-locks", "--no-backup-locks"], capture_output=True,
                              text=True, timeout=120)
        return done.returncode, done.stderr, {one.name for one in (tmp_path / name).iterdir()}

    code, _, files = dump("before", "mv_old")
    assert code == 0 and {"mv_old.t0-schema.sql", "mv_old.t0.sql"} <= files
    move(scene)
    code, told, files = dump("after", "mv_old")
    assert code == 1 and "mv_new.t0' is not" in told and "mv_old.t0.sql" not in files and "mv_old.kept.sql" in files
    assert "MyISAM" in (tmp_path / "after/mv_old.t0-schema.sql").read_text()
    scene.server.sql("GRANT SELECT ON mv_new.* TO mv_billing@'%'")
    code, _, files = dump("there", "mv_new")
    assert code == 0 and {"mv_new.t0-schema.sql", "mv_new.t0.sql"} <= files
    finish(scene)
    code, _, files = dump("finished", "mv_old")
    assert code == 0 and not any("t0" in one for one in files)
