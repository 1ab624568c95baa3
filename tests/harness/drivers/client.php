<?php
/* mysqli or PDO, the first argument, over mysqlnd: see Client.java. */
[$_, $kind, $port, $packed, $user, $password, $database] = $argv;
mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
ini_set("mysqlnd.net_read_timeout", "120");

/* What differs between the two. */
class Mysqli_ {
    public $c;

    function __construct($port, $password, $packed = false, $kept = false, $limit = 0) {
        global $user, $database;
        $this->c = mysqli_init();
        if ($limit)
            $this->c->options(MYSQLI_OPT_READ_TIMEOUT, $limit);
        $this->c->real_connect(($kept ? "p:" : "") . "127.0.0.1", $user, $password, $database, (int)$port, null,
                               $packed ? MYSQLI_CLIENT_COMPRESS : 0);
    }

    function one($text) {
        return $this->c->query($text)->fetch_row()[0];
    }

    function prepared($text, $first, $second) {
        $p = $this->c->prepare($text);
        $p->bind_param("ss", $first, $second);
        $p->execute();
        $p->bind_result($a);
        $p->fetch();
        return $a;
    }
}

class Pdo_ {
    public $c;

    function __construct($port, $password, $packed = false, $kept = false, $limit = 0) {
        global $user, $database;
        if ($limit)
            ini_set("mysqlnd.net_read_timeout", (string)$limit);
        $this->c = new PDO("mysql:host=127.0.0.1;port=$port;dbname=$database", $user, $password,
                           [PDO::ATTR_EMULATE_PREPARES => false, PDO::MYSQL_ATTR_COMPRESS => $packed,
                            PDO::ATTR_PERSISTENT => $kept, PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
        ini_set("mysqlnd.net_read_timeout", "120");
    }

    function one($text) {
        return $this->c->query($text)->fetchColumn();
    }

    function prepared($text, $first, $second) {
        $p = $this->c->prepare($text);
        $p->execute([$first, $second]);
        return $p->fetchColumn();
    }
}

function open(...$how) {
    global $kind;
    return $kind == "pdo" ? new Pdo_(...$how) : new Mysqli_(...$how);
}

$out = [];
function topic($name, $what) {
    global $out;
    try {
        $out[$name] = $what();
    } catch (Throwable $e) {
        $out[$name] = "failed: " . $e->getMessage();
    }
}

function refused($what) {
    try {
        $what();
        return "let in";
    } catch (mysqli_sql_exception $e) {
        return (string)$e->getCode();
    } catch (PDOException $e) {
        return (string)$e->errorInfo[1];
    }
}

function ended($c, $after, $text = "SELECT SLEEP(60)") {
    $begun = microtime(true);
    try {
        @$c->one($text);
    } catch (mysqli_sql_exception | PDOException $e) {
    }
    return (microtime(true) - $begun < 40 ? "in time, " : "late, ") . $after()->one("SELECT 'alive'");
}

$c = open($port, $password);
if (isset($argv[7])) {
    $c->one("SELECT GET_LOCK('dr1ver', 600)");
    exit(0);
}
topic("login", fn() => $c->one("SELECT CONCAT(CURRENT_USER(), ' ', DATABASE())"));
topic("refused", fn() => refused(fn() => open($port, "wrong")));
topic("error", fn() => refused(fn() => $c->one("SELECT nothing FROM nowhere_at_all")));
topic("big", fn() => $c->prepared("SELECT CONCAT(?, LENGTH(?))", "ü'\\", str_repeat("x", 17 << 20)) . " "
                     . strlen($c->one("SELECT REPEAT('y', 20000000)")));
topic("timeout", fn() => ended(open($port, $password, false, false, 1), fn() => $c));
topic("cancel", function () use ($c, $port, $password) {
    $id = $c->one("SELECT CONNECTION_ID()");
    $program = [PHP_BINARY, "-r", 'sleep(1); mysqli_connect("127.0.0.1", $argv[2], $argv[3], "", (int)$argv[1])'
                . '->query("KILL QUERY $argv[4]");', "--", $port, $GLOBALS["user"], $password, $id];
    $killer = proc_open($program, [], $pipes);
    $how = ended($c, fn() => $c);
    proc_close($killer);
    return $how;
});
topic("compression", function () use ($packed, $password) {
    $c = open($packed, $password, true);
    return strlen($c->one("SELECT REPEAT('z', 1000000)")) . " "
        . $c->one("SELECT LENGTH('" . str_repeat("w", 2000000) . "')");
});
topic("pool", function () use ($c, $port, $password) { // persistent connections: one after the other
    $good = 0;
    for ($i = 0; $i < 24; $i++) {
        $kept = open($port, $password, false, true);
        $good += $kept->one("SELECT 'good'") == "good";
        $id = $kept->one("SELECT CONNECTION_ID()");
        $kept = null;
        if ($i == 12) {
            $kill = fn() => $c instanceof Pdo_ ? $c->c->exec("KILL $id") : $c->c->query("KILL $id");
            while (refused($kill) == "let in")
                usleep(20000); // until there is no such thread
        }
    }
    return "$good of 24";
});
echo json_encode($out), "\n";
