# DBD::mysql or DBD::MariaDB, the first argument: see Client.java.
use strict;
use warnings;
use DBI;
use JSON::PP;
use POSIX ();
use Time::HiRes qw(time sleep);
my ($kind, $port, $packed, $user, $password, $database, $hang) = @ARGV;
my $prefix = lc $kind;
my %out;

sub source { return "dbi:$kind:database=$database;host=127.0.0.1;port=" . join ';', @_ }

sub connected {
    my ($source, $secret) = (shift // source($port), shift // $password);
    return DBI->connect($source, $user, $secret, { RaiseError => 1, PrintError => 0, "${prefix}_server_prepare" => 1 });
}

sub one { return (shift->selectrow_array(shift))[0] }

sub topic {
    my ($name, $what) = @_;
    $out{$name} = eval { $what->() } // "failed: $@";
}

sub refused {
    my $what = shift;
    return eval { $what->(); 1 } ? 'let in' : '' . $DBI::err;
}

sub ended {
    my ($c, $after) = @_;
    my $begun = time;
    eval { one($c, 'SELECT SLEEP(60)') };
    return (time - $begun < 40 ? 'in time, ' : 'late, ') . one($after, "SELECT 'alive'");
}

my $c = connected();
if ($hang) { one($c, "SELECT GET_LOCK('dr1ver', 600)"); exit 0; }
topic(login => sub { one($c, "SELECT CONCAT(CURRENT_USER(), ' ', DATABASE())") });
topic(refused => sub { refused(sub { connected(source($port), 'wrong') }) });
topic(error => sub { refused(sub { one($c, 'SELECT nothing FROM nowhere_at_all') }) });
topic(big => sub {
    my ($text, $length) = $c->selectrow_array('SELECT ?, LENGTH(?)', undef, "u'\\", 'x' x (17 << 20));
    return "$text$length " . length one($c, "SELECT REPEAT('y', 20000000)");
});
topic(timeout => sub { ended(connected(source($port, "${prefix}_read_timeout=1")), $c) });
topic(cancel => sub {
    my $id = $c->{"${prefix}_thread_id"} // $c->{mysql_thread_id};
    my $child = fork;
    if (!$child) {
        $c->{InactiveDestroy} = 1;
        sleep 1;
        connected()->do("KILL QUERY $id");
        POSIX::_exit(0);
    }
    my $how = ended($c, $c);
    waitpid $child, 0;
    return $how;
});
topic(compression => sub {
    my $c = connected(source($packed, "${prefix}_compression=1"));
    return length(one($c, "SELECT REPEAT('z', 1000000)")) . ' ' . one($c, "SELECT LENGTH('" . 'w' x 2000000 . "')");
});
topic(pool => sub {    # DBI's own: one connection for the same arguments, looked at before it is given
    my $good = 0;
    for my $i (1 .. 24) {
        my $kept = DBI->connect_cached(source($port), $user, $password, { RaiseError => 1, PrintError => 0 });
        $good++ if one($kept, "SELECT 'good'") eq 'good';
        next if $i != 12;
        my $id = one($kept, 'SELECT CONNECTION_ID()');
        sleep 0.02 while refused(sub { $c->do("KILL $id") }) eq 'let in';    # until there is no such thread
    }
    return "$good of 24";
});
print encode_json(\%out), "\n";
