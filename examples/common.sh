#!/usr/bin/env bash
# shellcheck disable=SC2154  # whoever sources it sets server_port and gate_port
# What the examples' scripts share: a private MariaDB with NileCare's tables and silogate before it, in a
# folder of its own that goes with them. Sourced, from the project's folder.
silogate=$PWD/${BUILD:-build}/silogate
example=$PWD/examples/nilecare
PATH=$PATH:/usr/sbin:/sbin

scratch=$(mktemp -d "${TMPDIR:-/tmp}/silogate-demo-XXXXXX")
server='' gate=''

finish() {
    local code=$?
    trap - EXIT INT TERM
    for process in $gate $server; do
        kill "$process" 2>/dev/null || true
        wait "$process" 2>/dev/null || true
    done
    if [ $code != 0 ] && [ $code != 130 ]; then
        echo "${0##*/}: it failed; the last words of the server and of silogate:" >&2
        grep -h ERROR "$scratch"/install.log "$scratch"/server.log >&2 2>/dev/null || true
        [ -e "$scratch/server.log" ] || cat "$scratch/install.log" >&2 2>/dev/null || true
        tail -n 15 "$scratch"/server.log "$scratch"/silogate.log >&2 2>/dev/null || true
    fi
    rm -rf "$scratch"
    exit $code
}
trap finish EXIT
trap 'exit 130' INT TERM HUP PIPE

title() { printf '\n\033[1m%s\033[0m\n' "$*"; }

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# wait_until WHAT COMMAND...: tries the command for half a minute.
wait_until() {
    local what=$1
    shift
    for _ in $(seq 300); do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.1
    done
    echo "${0##*/}: $what does not come up" >&2
    return 1
}

start_server() {
    local user=()
    [ "$(id -u)" != 0 ] || user=(--user=root)
    # --force: also where no name of this host can be looked up
    mariadb-install-db --no-defaults --datadir="$scratch/data" --auth-root-authentication-method=normal \
        --skip-test-db --force --innodb-buffer-pool-size=32M --tmpdir="$scratch" "${user[@]}" \
        >"$scratch/install.log" 2>&1
    mariadbd --no-defaults --datadir="$scratch/data" --tmpdir="$scratch" --socket="$scratch/s" --port="$server_port" \
        --bind-address=127.0.0.1 --pid-file="$scratch/pid" --skip-name-resolve \
        --innodb-buffer-pool-size=32M --general-log=1 --general-log-file="$scratch/general.log" \
        "${user[@]}" >"$scratch/server.log" 2>&1 &
    server=$!
    wait_until MariaDB mariadb-admin --no-defaults -uroot -S "$scratch/s" ping
    cat "$example/schema.sql" "$example/users.sql" | mariadb --no-defaults -uroot -S "$scratch/s"
}

start_gate() {
    sed -e "s|^listen = .*|listen = 127.0.0.1:$gate_port|" \
        -e "s|^address = .*|address = 127.0.0.1:$server_port|" \
        -e "s|^violations = .*|violations = $scratch/violations.jsonl|" \
        -e "s|^repeat = .*|repeat = 0|" "$example/proxy.ini" >"$scratch/proxy.ini"
    if [ -n "${moves:-}" ]; then
        sed -i "s|^\\[upstream:main\\]|&\\naccount = silogate\\naccount_password_file = $scratch/password|" \
            "$scratch/proxy.ini"
        echo "$moves" >>"$scratch/proxy.ini"
    fi
    "$silogate" check -c "$scratch/proxy.ini"
    "$silogate" run -c "$scratch/proxy.ini" 2>"$scratch/silogate.log" &
    gate=$!
    wait_until silogate bash -c "exec 3<>/dev/tcp/127.0.0.1/$gate_port"
}

# as SERVICE WHAT STATEMENT: what the service's own client sees, through silogate. All but business
# still ask for the shared database.
as() {
    local database=nilecare
    [ "$1" != business ] || database=business_operations
    printf '\n\033[1m%s\033[0m: %s\n  > %s\n' "$1" "$2" "$3"
    MYSQL_PWD=$1_service-secret mariadb --no-defaults -h 127.0.0.1 -P "$gate_port" -u "$1_service" \
        --table "$database" -e "$3" 2>&1 | sed -e '/^--*$/,/^--*$/d' -e '/^$/d' -e 's/^/    /' || true
}

# run_sql STATEMENT: as root, its rows.
run_sql() {
    mariadb --no-defaults -uroot -S "$scratch/s" --skip-column-names -e "$1"
}

# open_moves: [move:] sections for billing's, payment's and clinical's tables, and the account that they need.
open_moves() {
    run_sql "CREATE USER silogate@'%' IDENTIFIED BY 'silogate-secret';
             GRANT ALL ON *.* TO silogate@'%' WITH GRANT OPTION"
    echo silogate-secret >"$scratch/password"
    moves="
[move:billing]
service = billing
table = nilecare.invoices
table = nilecare.invoice_line_items
table = nilecare.billing_*
table = nilecare.insurance_claims
table = nilecare.claim_line_items
table = nilecare.invoice_payment_allocations
table = nilecare.charge_master
to = nilecare_billing

[move:payment]
service = payment
table = nilecare.payments
table = nilecare.payment_*
table = nilecare.invoice_payments
table = nilecare.installment_schedule
to = nilecare_payment

[move:clinical]
service = clinical
table = clinical_data.*
to = nilecare_clinical
"
}

reached() {
    grep -c "$1" "$scratch/general.log" || true
}

