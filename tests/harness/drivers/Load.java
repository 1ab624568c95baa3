/* Load for test_upgrades.py through the pool of MariaDB's driver; see load.js, which says what is done and printed. */
import java.sql.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;

public class Load {
    static final Queue<Long> acknowledged = new ConcurrentLinkedQueue<>(), unknown = new ConcurrentLinkedQueue<>();
    static final Queue<String> wrong = new ConcurrentLinkedQueue<>();
    static final Map<String, Integer> errors = new ConcurrentHashMap<>();
    static final AtomicInteger violations = new AtomicInteger();
    static volatile boolean stop;

    static void insert(Connection c, long number, int half) throws SQLException {
        try (PreparedStatement p = c.prepareStatement("INSERT INTO takeover_numbers VALUES (?, ?)")) {
            p.setLong(1, number);
            p.setInt(2, half);
            p.executeUpdate();
        }
    }

    static void transaction(Connection c, long number, boolean slow) throws SQLException {
        try (Statement s = c.createStatement()) {
            s.execute("BEGIN");
            try {
                insert(c, number, 1);
                if (slow)
                    Thread.sleep(ThreadLocalRandom.current().nextInt(100));
                s.executeQuery("SELECT 1 FROM clinical_data.patients LIMIT 1").close();
                violations.incrementAndGet();
                insert(c, number, 2);
                unknown.add(number);
                s.execute("COMMIT");
                unknown.remove(number);
                acknowledged.add(number);
            } catch (SQLException e) {
                wrong.add("inside a transaction: " + e);
                throw e;
            } catch (InterruptedException e) {
                throw new RuntimeException(e);
            }
        }
    }

    static String list(Collection<?> values, boolean quoted) {
        StringBuilder out = new StringBuilder("[");
        for (Object value : values)
            out.append(out.length() > 1 ? "," : "").append(
                quoted ? "\"" + value.toString().replaceAll("[^ -~]|[\"\\\\]", " ") + "\"" : value.toString());
        return out.append("]").toString();
    }

    public static void main(String[] a) throws Exception {
        long base = Long.parseLong(a[5]);
        int clients = Integer.parseInt(a[6]);
        String url = "jdbc:mariadb://127.0.0.1:" + a[0] + "/" + a[3] + "?user=" + a[1] + "&password=" + a[2]
            + "&allowPublicKeyRetrieval=true&useServerPrepStmts=true&maxPoolSize=" + (clients + 1)
            + (a[4].equals("-") ? "" : "&useSsl=true&disableSslHostnameVerification=true&serverSslCert=" + a[4]);
        org.mariadb.jdbc.MariaDbPoolDataSource pool = new org.mariadb.jdbc.MariaDbPoolDataSource(url);
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < clients; i++) {
            final int number = i;
            threads.add(new Thread(() -> {
                for (long done = 0; !stop; done++) {
                    try {
                        if (ThreadLocalRandom.current().nextInt(10) < 3)
                            Thread.sleep(ThreadLocalRandom.current().nextInt(50));
                        try (Connection c = pool.getConnection()) {
                            transaction(c, base + number * 1000000L + done, number % 2 == 1);
                        }
                    } catch (SQLException e) {
                        errors.merge(String.valueOf(e.getErrorCode() > 0 ? e.getErrorCode() : e.getMessage()), 1,
                                     Integer::sum);
                    } catch (InterruptedException e) {
                        return;
                    }
                }
            }));
            threads.get(i).start();
        }
        while (System.in.read() >= 0)
            ;
        stop = true;
        for (Thread thread : threads)
            thread.join();
        List<String> counted = new ArrayList<>();
        for (Map.Entry<String, Integer> one : errors.entrySet())
            counted.add("\"" + one.getKey().replaceAll("[^ -~]|[\"\\\\]", " ") + "\":" + one.getValue());
        System.out.println("{\"acknowledged\":" + list(acknowledged, false) + ",\"unknown\":" + list(unknown, false)
                           + ",\"errors\":{" + String.join(",", counted) + "},\"wrong\":" + list(wrong, true)
                           + ",\"violations\":" + violations + "}");
        System.exit(0);
    }
}
