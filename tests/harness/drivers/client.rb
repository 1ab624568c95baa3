# The gem mysql2: see Client.java.
require "json"
require "mysql2"
port, user, password, database, hang = ARGV
open = lambda do |flags = 0|
  Mysql2::Client.new(host: "127.0.0.1", port: port.to_i, username: user, password: password, database: database,
                     flags: flags, as: :array)
end
one = ->(c, text) { c.query(text).first[0] }
c = open.call
if hang
  one.call(c, "SELECT GET_LOCK('dr1ver', 300)")
  exit
end
out = { user: one.call(c, "SELECT CURRENT_USER()") }
out[:prepared] = c.prepare("SELECT ?, LENGTH(?)").execute("u'\\", "x" * (17 << 20), as: :array).first.join
out[:big] = one.call(c, "SELECT REPEAT('y', 20000000)").length
begin
  one.call(c, "SELECT nothing FROM nowhere_at_all")
rescue Mysql2::Error => e
  out[:error] = "#{e.error_number}#{e.sql_state}"
end
begun = Time.now
c.query("SELECT SLEEP(20)", async: true)
sleep 0.3
open.call.query("KILL QUERY #{c.thread_id}")
begin
  c.async_result
rescue Mysql2::Error
end
out[:cancel] = Time.now - begun < 10 ? "in time" : "late"
out[:after] = one.call(c, "SELECT 'alive'")
packed = open.call(Mysql2::Client::COMPRESS)
out[:packed] = one.call(packed, "SELECT REPEAT('z', 1000000)").length.to_s + one.call(packed, "SELECT 'p'")
puts JSON.generate(out)
