/* One driver's view of a server, topic by topic, as JSON: see test_drivers.py, which has what each must say.
   Arguments: port, port for what is compressed, user, password, database; with a sixth, "hang", it waits for a
   lock for ever. A topic that fails says why; one that the driver cannot do is left out. */
import java.sql.*;
import java.util.*;
import java.util.concurrent.*;
import org.mariadb.jdbc.MariaDbPoolDataSource;

public class Client {
    static final Map<String, Object> out = new LinkedHashMap<>();
    static String[] a;

    static String quote(Object value) {
        return "\"" + value.toString().replaceAll("[\\p{Cntrl}\"\\\\]", " ") + "\"";
    }

    static void topic(String name, Callable<Object> what) {
        try {
            out.put(name, what.call());
        } catch (Exception e) {
            out.put(name, "failed: " + e);
        }
    }

    static String url(String port, String more) {
        return "jdbc:mariadb://127.0.0.1:" + port + "/" + a[4] + "?user=" + a[2] + "&allowPublicKeyRetrieval=true" + more;
    }

    static Connection open(String more) throws SQLException {
        return DriverManager.getConnection(url(a[0], "&password=" + a[3] + more));
    }

    static String one(Connection c, String text) throws SQLException {
        try (Statement s = c.createStatement(); ResultSet r = s.executeQuery(text)) {
            r.next();
            return r.getString(1);
        }
    }

    static String refused(Callable<Object> what) throws Exception {
        try {
            what.call();
            return "let in";
        } catch (SQLException e) {
            return String.valueOf(e.getErrorCode());
        }
    }

    static String ended(Connection c, Statement s) throws SQLException {
        long begun = System.nanoTime();
        try {
            s.executeQuery("SELECT SLEEP(60)");
        } catch (SQLException e) {
            // that is what an end is
        }
        return (System.nanoTime() - begun < 40e9 ? "in time, " : "late, ") + one(c, "SELECT 'alive'");
    }

    static Object pool() throws Exception {
        MariaDbPoolDataSource pool =
            new MariaDbPoolDataSource(url(a[0], "&password=" + a[3] + "&maxPoolSize=4&poolValidMinDelay=0"));
        final String id;
        try (Connection c = pool.getConnection()) {
            id = one(c, "SELECT CONNECTION_ID()");
        }
        int good = 0;
        ExecutorService threads = Executors.newFixedThreadPool(8);
        for (int round = 0; round < 2; round++) {
            List<Future<String>> jobs = new ArrayList<>();
            for (int i = 0; i < 12; i++)
                jobs.add(threads.submit(() -> {
                    try (Connection c = pool.getConnection()) {
                        return one(c, "SELECT 'good'");
                    }
                }));
            for (Future<String> job : jobs)
                good += job.get().equals("good") ? 1 : 0;
            if (round == 0)
                try (Connection killer = open("")) {
                    while (refused(() -> killer.createStatement().execute("KILL " + id)).equals("let in"))
                        Thread.sleep(20); // until there is no such thread
                }
        }
        pool.close();
        return good + " of 24";
    }

    public static void main(String[] arguments) throws Exception {
        a = arguments;
        Connection c = open("");
        if (a.length > 5) {
            one(c, "SELECT GET_LOCK('dr1ver', 600)");
            return;
        }
        topic("login", () -> one(c, "SELECT CONCAT(CURRENT_USER(), ' ', DATABASE())"));
        topic("refused", () -> refused(() -> DriverManager.getConnection(url(a[0], "&password=wrong"))));
        topic("error", () -> refused(() -> one(c, "SELECT nothing FROM nowhere_at_all")));
        topic("big", () -> {
            try (Connection b = open("&useServerPrepStmts=true");
                 PreparedStatement p = b.prepareStatement("SELECT ?, LENGTH(?)")) {
                p.setString(1, "ü'\\");
                p.setString(2, "x".repeat(17 << 20));
                ResultSet r = p.executeQuery();
                r.next();
                return r.getString(1) + r.getString(2) + " " + one(b, "SELECT REPEAT('y', 20000000)").length();
            }
        });
        topic("timeout", () -> {
            try (Statement s = c.createStatement()) {
                s.setQueryTimeout(1);
                return ended(c, s);
            }
        });
        topic("cancel", () -> {
            Statement s = c.createStatement();
            Thread killer = new Thread(() -> {
                try {
                    Thread.sleep(1000);
                    s.cancel();
                } catch (Exception e) {
                    System.err.println(e);
                }
            });
            killer.start();
            String how = ended(c, s);
            killer.join();
            return how;
        });
        topic("compression", () -> {
            try (Connection packed = DriverManager.getConnection(
                     url(a[1], "&password=" + a[3] + "&useCompression=true"))) {
                return one(packed, "SELECT REPEAT('z', 1000000)").length() + " "
                    + one(packed, "SELECT LENGTH('" + "w".repeat(2000000) + "')");
            }
        });
        topic("pool", Client::pool);
        StringJoiner text = new StringJoiner(", ", "{", "}");
        for (Map.Entry<String, Object> e : out.entrySet())
            text.add(quote(e.getKey()) + ": " + quote(e.getValue()));
        System.out.println(text);
        System.exit(0);
    }
}
