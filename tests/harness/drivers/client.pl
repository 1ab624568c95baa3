# DBD::mysql or DBD::MariaDB, the first argument: see Client.java.
use strict;
use warnings;
use DBI;
use JSON::PP;
use Time::HiRes qw(time sleep);
my ($kind, $port, $user, $password, $database, $hang) = @ARGV;
my $prefix = lc $kind;

sub connected {
    my $more = shift // '';
    return DBI->connect("dbi:$kind:database=$database;host=127.0.0.1;port=$port$more", $user, $password,
                        { RaiseError => 1, PrintError => 0, "${prefix}_server_prepare" => 1 });
}

sub one { return (shift->selectrow_array(shift))[0] }
my $c = connected();
if ($hang) { one($c, "SELECT GET_LOCK('dr1ver', 300)"); exit 0; }
my %out = (user => one($c, "SELECT CURRENT_USER()"));
my ($text, $length) = $c->selectrow_array("SELECT ?, LENGTH(?)", undef, "u'\\", "x" x (17 << 20));
$out{prepared} = "$text$length";
$out{big} = length one($c, "SELECT REPEAT('y', 20000000)");
eval { one($c, "SELECT nothing FROM nowhere_at_all") };
$out{error} = $c->err . $c->state;
my $id = $c->{"${prefix}_thread_id"} // $c->{mysql_thread_id} // $c->{mariadb_thread_id};
my $begun = time;
if (my $child = fork) {
    eval { one($c, "SELECT SLEEP(20)") };
    waitpid $child, 0;
} else {
    $c->{InactiveDestroy} = 1;
    sleep 0.4;
    my $killer = connected();
    $killer->do("KILL QUERY $id");
    require POSIX;
    POSIX::_exit(0);
}
$out{cancel} = time - $begun < 10 ? "in time" : "late";
$out{after} = one($c, "SELECT 'alive'");
my $packed = connected(";${prefix}_compression=1");
$out{packed} = length(one($packed, "SELECT REPEAT('z', 1000000)")) . one($packed, "SELECT 'p'");
print encode_json(\%out), "\n";
