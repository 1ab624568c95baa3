<?php
/* mysqli and PDO over mysqlnd: see Client.java. */
[$_, $port, $user, $password, $database] = $argv;
mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);

function open($flags = 0) {
    global $port, $user, $password, $database;
    $c = mysqli_init();
    $c->real_connect("127.0.0.1", $user, $password, $database, (int)$port, null, $flags);
    return $c;
}

function one($c, $text) {
    return $c->query($text)->fetch_row()[0];
}

$c = open();
if (isset($argv[5])) {
    one($c, "SELECT GET_LOCK('dr1ver', 300)");
    exit(0);
}
$out = ["user" => one($c, "SELECT CURRENT_USER()")];
$p = $c->prepare("SELECT ?, LENGTH(?)");
$text = "ü'\\";
$long = str_repeat("x", 17 << 20);
$p->bind_param("ss", $text, $long);
$p->execute();
$p->bind_result($a, $b);
$p->fetch();
$out["prepared"] = $a . $b;
$p->close();
$out["big"] = strlen(one($c, "SELECT REPEAT('y', 20000000)"));
try {
    one($c, "SELECT nothing FROM nowhere_at_all");
} catch (mysqli_sql_exception $e) {
    $out["error"] = $e->getCode() . $c->sqlstate;
}
$begun = microtime(true);
$c->query("SELECT SLEEP(20)", MYSQLI_ASYNC);
usleep(300000);
open()->query("KILL QUERY " . $c->thread_id);
try {
    $c->reap_async_query();
} catch (mysqli_sql_exception $e) {
}
$out["cancel"] = microtime(true) - $begun < 10 ? "in time" : "late";
$out["after"] = one($c, "SELECT 'alive'");
$packed = open(MYSQLI_CLIENT_COMPRESS);
$out["packed"] = strlen(one($packed, "SELECT REPEAT('z', 1000000)")) . one($packed, "SELECT 'p'");
$out["packed_big"] = one($packed, "SELECT LENGTH('" . str_repeat("w", 2000000) . "')");
$pdo = new PDO("mysql:host=127.0.0.1;port=$port;dbname=$database", $user, $password,
               [PDO::ATTR_EMULATE_PREPARES => false, PDO::MYSQL_ATTR_COMPRESS => true,
                PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
$p = $pdo->prepare("SELECT CONCAT(?, ?)");
$p->execute(["p", "do"]);
$out["pdo"] = $p->fetchColumn();
echo json_encode($out), "\n";
