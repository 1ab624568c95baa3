/* One driver's view of a server: what it answers to the steps of test_drivers.py, as JSON.
   Arguments: port, user, password, database; or with a fifth, "hang": waits for a lock for ever. */
import java.sql.*;
import java.util.*;

public class Client {
    static String quote(Object value) {
        return value == null ? "null" : "\"" + value.toString().replace("\\", "\\\\").replace("\"", "\\\"") + "\"";
    }

    static Connection open(String[] a, String more) throws SQLException {
        return DriverManager.getConnection("jdbc:mariadb://127.0.0.1:" + a[0] + "/" + a[3] + "?user=" + a[1]
            + "&password=" + a[2] + "&allowPublicKeyRetrieval=true" + more);
    }

    static String one(Connection c, String text) throws SQLException {
        try (Statement s = c.createStatement(); ResultSet r = s.executeQuery(text)) {
            r.next();
            return r.getString(1);
        }
    }

    public static void main(String[] a) throws Exception {
        Map<String, Object> out = new LinkedHashMap<>();
        Connection c = open(a, "");
        if (a.length > 4) {
            one(c, "SELECT GET_LOCK('dr1ver', 300)");
            return;
        }
        out.put("user", one(c, "SELECT CURRENT_USER()"));
        try (PreparedStatement p = open(a, "&useServerPrepStmts=true").prepareStatement("SELECT ?, LENGTH(?)")) {
            p.setString(1, "ü'\\");
            p.setString(2, "x".repeat(17 << 20));
            ResultSet r = p.executeQuery();
            r.next();
            out.put("prepared", r.getString(1) + r.getString(2));
        }
        out.put("big", one(c, "SELECT REPEAT('y', 20000000)").length());
        try {
            one(c, "SELECT nothing FROM nowhere_at_all");
        } catch (SQLException e) {
            out.put("error", e.getErrorCode() + e.getSQLState());
        }
        long begun = System.nanoTime();
        try (Statement s = c.createStatement()) {
            s.setQueryTimeout(1);
            s.executeQuery("SELECT SLEEP(20)");
            out.put("timeout", "none");
        } catch (SQLException e) {
            out.put("timeout", System.nanoTime() - begun < 10e9 ? "in time" : "late");
        }
        begun = System.nanoTime();
        Statement s = c.createStatement();
        Thread killer = new Thread(() -> {
            try {
                Thread.sleep(500);
                s.cancel();
            } catch (Exception e) {
                System.err.println(e);
            }
        });
        killer.start();
        try {
            s.executeQuery("SELECT SLEEP(20)");
        } catch (SQLException e) {
            // that is what a cancel is
        }
        killer.join();
        out.put("cancel", System.nanoTime() - begun < 10e9 ? "in time" : "late");
        out.put("after", one(c, "SELECT 'alive'"));
        try (Connection packed = open(a, "&useCompression=true")) {
            out.put("packed", one(packed, "SELECT REPEAT('z', 1000000)").length() + one(packed, "SELECT 'p'"));
        }
        StringJoiner text = new StringJoiner(", ", "{", "}");
        for (Map.Entry<String, Object> e : out.entrySet())
            text.add(quote(e.getKey()) + ": " + quote(e.getValue()));
        System.out.println(text);
        System.exit(0);
    }
}
