# The gem mysql2: see Client.java.
require "json"
require "mysql2"
PORT, PACKED, USER, PASSWORD, DATABASE, HANG = ARGV
OUT = {}

def open(port: PORT, password: PASSWORD, **more)
  Mysql2::Client.new(host: "127.0.0.1", port: port.to_i, username: USER, password: password, database: DATABASE,
                     as: :array, **more)
end

def one(c, text) = c.query(text).first[0]

def topic(name)
  OUT[name] = yield
rescue StandardError => e
  OUT[name] = "failed: #{e.message}"
end

def refused
  yield
  "let in"
rescue Mysql2::Error => e
  e.error_number.to_s
end

def ended(after)
  begun = Time.now
  begin
    yield
  rescue Mysql2::Error
    # that is what an end is
  end
  "#{Time.now - begun < 40 ? 'in time' : 'late'}, #{one(after, "SELECT 'alive'")}"
end

# A queue of four clients; each is looked at before it is given.
def pool(c)
  free = Queue.new
  4.times { free << open }
  jobs = lambda do
    threads = Array.new(12) do
      Thread.new do
        client = free.pop
        client = open unless client.ping
        value = one(client, "SELECT 'good'")
        free << client
        value == "good" ? 1 : 0
      end
    end
    threads.sum(&:value)
  end
  good = jobs.call
  client = free.pop
  id = one(client, "SELECT CONNECTION_ID()")
  free << client
  sleep 0.02 while refused { c.query("KILL #{id}") } == "let in" # until there is no such thread
  "#{good + jobs.call} of 24"
end

c = open
if HANG
  one(c, "SELECT GET_LOCK('dr1ver', 600)")
  exit
end
topic(:login) { one(c, "SELECT CONCAT(CURRENT_USER(), ' ', DATABASE())") }
topic(:refused) { refused { open(password: "wrong") } }
topic(:error) { refused { one(c, "SELECT nothing FROM nowhere_at_all") } }
topic(:big) do
  "#{c.prepare('SELECT ?, LENGTH(?)').execute("u'\\", 'x' * (17 << 20), as: :array).first.join} " +
    one(c, "SELECT REPEAT('y', 20000000)").length.to_s
end
topic(:timeout) { ended(c) { one(open(read_timeout: 1), "SELECT SLEEP(60)") } }
topic(:cancel) do
  killer = Thread.new do
    sleep 1
    open.query("KILL QUERY #{c.thread_id}")
  end
  ended(c) do
    one(c, "SELECT SLEEP(60)")
  ensure
    killer.join
  end
end
topic(:compression) do
  packed = open(port: PACKED, flags: Mysql2::Client::COMPRESS)
  "#{one(packed, "SELECT REPEAT('z', 1000000)").length} #{one(packed, "SELECT LENGTH('#{'w' * 2_000_000}')")}"
end
topic(:pool) { pool(c) }
puts JSON.generate(OUT)
