# silogate: `make help` lists what there is.
#   BUILD=build-x   another folder to build in       CC=clang   another compiler
#   WERROR=1        warnings are errors (make lint and .ci/run set it)
#   SANITIZE=address,undefined | thread              FUZZ=1     (set by the targets below)
#   CPPFLAGS, CFLAGS, LDFLAGS and LIBS are the packager's: what is given is added to what is needed.
#   JOBS=5          how many files of tests run at the same time (five on two cores, at most 12: they mostly wait)

ifeq ($(origin CC),default)
CC      := gcc
endif
BUILD   ?= build
PREFIX  ?= /usr/local
JOBS    ?= $(shell n=$$(nproc); echo $$((n < 5 ? n * 5 / 2 : 12)))
VERSION := 0.2.0

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
            -Wswitch-enum -Wvla -Wformat=2 $(if $(WERROR),-Werror)
CFLAGS  ?= -O2 -g

# A library's flags as pkg-config has them, or the name alone where it comes without a .pc file, as libev
# and mbedTLS 2.28 do.
flags_of = $(shell pkg-config --cflags $(1) 2>/dev/null)
libs_of  = $(shell pkg-config --libs $(1) 2>/dev/null || echo $(2))
# The client library: Oracle's or MariaDB's, whatever the system has under this name.
CLIENT  := $(shell pkg-config --exists mysqlclient && echo mysqlclient || echo libmariadb)
INIH_VERSION := $(shell pkg-config --modversion inih 2>/dev/null)

FLAGS   := -std=c11 -D_GNU_SOURCE -DSILOGATE_VERSION='"$(VERSION)"' -DINIH_VERSION='"$(INIH_VERSION)"' -I. \
           $(patsubst -I%,-isystem %,$(call flags_of,$(CLIENT))) $(call flags_of,inih jansson zlib) \
           $(WARNINGS) -fno-strict-aliasing -pthread -MMD -MP -ffile-prefix-map=$(CURDIR)=.
NEEDED  := $(call libs_of,libev,-lev) $(call libs_of,inih,-linih) \
           $(call libs_of,mbedtls mbedx509 mbedcrypto,-lmbedtls -lmbedx509 -lmbedcrypto) \
           $(call libs_of,libmicrohttpd,-lmicrohttpd) $(call libs_of,jansson,-ljansson) \
           $(call libs_of,zlib,-lz) $(call libs_of,libzstd,-lzstd) $(call libs_of,$(CLIENT),-lmysqlclient) -ldl -lm -pthread
ifdef SANITIZE
FLAGS   += -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
NEEDED  += -fsanitize=$(SANITIZE)
else
# What a program that faces a network is built with; tests/unit/test_build.py looks at the binary. Without
# optimisation there is no _FORTIFY_SOURCE, and the packager's own level of it is taken.
FLAGS   += -fPIE -fstack-protector-strong -fstack-clash-protection -fcf-protection \
           $(if $(findstring -O0,$(CFLAGS))$(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS)),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
LINKING := -pie -Wl,-z,relro,-z,now,-z,noexecstack
endif

ROOMS   := base config protocol sql sql/lexer policy router tls judge violations report learn catalogue move instances admin proxy \
           proxy/login cmd
SOURCES := $(wildcard $(addsuffix /*.c,$(ROOMS)))
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
LIBRARY := $(filter-out $(BUILD)/cmd/main.o,$(OBJECTS))
UNIT    := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/*/test_*.c))
C_FILES := $(SOURCES) $(wildcard $(addsuffix /*.h,$(ROOMS)) tests/*/*.c tests/*/*.h tests/unit/*/*.c \
           tests/unit/*/*.h bench/*.c)
TESTS   ?= tests
# Compiling the tests takes longer than some of them.
PYTEST  := PYTHONDONTWRITEBYTECODE= PYTHONPYCACHEPREFIX=$(CURDIR)/$(BUILD)/pycache \
           /usr/bin/python3 -m pytest -q -p no:cacheprovider
# Files of tests run beside each other; a file's tests one after the other, on servers of their own.
BESIDE  := -n $(JOBS) --dist loadfile

all: $(BUILD)/silogate ## build build/silogate

COMPILE := $(CC) $(FLAGS) $(CPPFLAGS) $(CFLAGS)
LINK    := $(LINKING) $(LDFLAGS)

# Other flags than the last time: everything is made anew.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' $(call quoted,$(COMPILE) $(LINK) $(NEEDED) $(LIBS)) | cmp -s - $@ || \
	    printf '%s\n' $(call quoted,$(COMPILE) $(LINK) $(NEEDED) $(LIBS)) >$@
quoted = '$(subst ','\'',$(1))'

$(BUILD)/silogate: $(OBJECTS) $(BUILD)/flags
	$(CC) -o $@ $(OBJECTS) $(LINK) $(NEEDED) $(LIBS)

$(BUILD)/libsilogate.a: $(LIBRARY)
	rm -f $@ && ar rcs $@ $^

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(COMPILE) -c -o $@ $<

$(BUILD)/tests/unit/%: tests/unit/%.c $(BUILD)/libsilogate.a
	@mkdir -p $(@D)
	$(COMPILE) -o $@ $< $(BUILD)/libsilogate.a $(LINK) $(call libs_of,cmocka,-lcmocka) $(NEEDED) $(LIBS)

$(BUILD)/tests/harness/%: tests/harness/%.c $(BUILD)/libsilogate.a
	@mkdir -p $(@D)
	$(COMPILE) -o $@ $< $(BUILD)/libsilogate.a $(LINK) $(NEEDED) $(LIBS)

# silogate with a way past the gate, for the tests of what has to notice one.
$(BUILD)/tests/harness/silogate-stale: tests/harness/stale_execute.c $(OBJECTS)
	@mkdir -p $(@D)
	$(COMPILE) -Wl,--wrap=judge_execute -o $@ $< $(OBJECTS) $(LINK) $(NEEDED) $(LIBS)

# silogate that can be stopped between two steps, for the tests of what happens there.
$(BUILD)/tests/harness/silogate-paused: tests/harness/paused_entry.c $(OBJECTS)
	@mkdir -p $(@D)
	$(COMPILE) -Wl,--wrap=moving_enter -o $@ $< $(OBJECTS) $(LINK) $(NEEDED) $(LIBS)

# Its allocations are counted.
$(BUILD)/bench/analyze: bench/analyze.c $(BUILD)/libsilogate.a
	@mkdir -p $(@D)
	$(COMPILE) -Wl,--wrap=malloc -o $@ $< $(BUILD)/libsilogate.a $(LINK) $(NEEDED) $(LIBS)

-include $(OBJECTS:.o=.d) $(UNIT:=.d) $(BUILD)/tests/harness/ask.d

unit: $(UNIT) $(addprefix $(BUILD)/tests/harness/,ask silogate-stale silogate-paused) ## build the unit tests (and run them with `make test-unit`)

check: ## the layers: who may include whom
	scripts/check-layers

deps: ## install what building and testing need (Debian packages, a MySQL root, Node clients)
	scripts/deps all

demo: ## a private MariaDB with NileCare's example behind silogate (HOLD=1 keeps it running)
	scripts/deps build demo
	$(MAKE) --no-print-directory -s $(BUILD)/silogate
	examples/demo

test: ## unit, golden, wire, and system tests on real servers, in their short form (SLOWEST=20 lists the slowest, TESTS=... runs some)
	scripts/deps build test
	$(MAKE) --no-print-directory -s -j2 $(BUILD)/silogate unit check
	SILOGATE_BUILD=$(BUILD) $(PYTEST) $(BESIDE) $(if $(SLOWEST),--durations=$(SLOWEST)) $(TESTS)

test-rest: ## what `make test` leaves out (tests/harness/short.py): long ones, and each test on the other kind of server
	SILOGATE_FORM=rest $(MAKE) --no-print-directory -s test

test-all: ## both
	SILOGATE_FORM=all $(MAKE) --no-print-directory -s test

test-unit: unit ## the unit tests alone
	SILOGATE_FORM=all SILOGATE_BUILD=$(BUILD) $(PYTEST) tests/unit

test-unstable: ## build and test in Debian unstable: mbedTLS 3.6, Oracle's client library
	scripts/deps test
	scripts/test-unstable

oracle: ## real servers tell what statements touch (COUNT=50000 SEED=... GRAMMAR=...), beside what silogate says
	scripts/deps build test oracle
	$(MAKE) --no-print-directory -s -j2 $(BUILD)/silogate
	tests/oracle/settings.py
	SILOGATE_BUILD=$(BUILD) tests/oracle/oracle.py --count $(or $(COUNT),50000) $(if $(SEED),--seed $(SEED)) \
	    $(addprefix --grammar ,$(GRAMMAR))

oracle-moves: $(BUILD)/silogate ## does a mapped statement mean the same? SECONDS a server and direction (default 600; SEED=...)
	scripts/deps build test
	SILOGATE_BUILD=$(BUILD) tests/oracle/moved.py --seconds $(or $(SECONDS),600) $(if $(SEED),--seed $(SEED))

oracle-with: $(BUILD)/silogate ## what do servers read of WITH clauses inside of each other? SECONDS a server (default 120; SEED=...)
	scripts/deps build test
	SILOGATE_BUILD=$(BUILD) tests/oracle/withs.py --seconds $(or $(SECONDS),120) $(if $(SEED),--seed $(SEED))

oracle-printed: $(BUILD)/silogate ## what do servers print and read again otherwise than it was written? (CHARSET=gbk)
	scripts/deps build test
	SILOGATE_BUILD=$(BUILD) tests/oracle/printed.py $(addprefix --charset ,$(CHARSET))

oracle-words: $(BUILD)/silogate ## each word at each place that names another's: does the server do what is allowed? (SECONDS a server; DIALECT=mysql FAMILY=calls)
	scripts/deps build test
	SILOGATE_BUILD=$(BUILD) tests/oracle/words.py $(if $(SECONDS),--seconds $(SECONDS)) $(addprefix --dialect ,$(DIALECT)) \
	    $(addprefix --family ,$(FAMILY)) $(if $(SEED),--seed $(SEED))

oracle-suite: $(BUILD)/silogate ## the server's own test suite directly and through a silogate that logs (COUNT=100 SEED=1 SUITES=main,innodb DIALECT=mysql)
	scripts/deps build test oracle
	SILOGATE_BUILD=$(BUILD) tests/oracle/suite.py --count $(or $(COUNT),100) $(if $(SEED),--seed $(SEED)) \
	    $(if $(SUITES),--suites $(SUITES)) $(if $(DIALECT),--dialect $(DIALECT))

format: ## clang-format over everything
	clang-format -i $(C_FILES)

lint: check ## clang's warnings, clang-format, clang-tidy, cppcheck and the layers: all must be silent
	$(MAKE) --no-print-directory -s -j2 CC=clang BUILD=build-clang WERROR=1 build-clang/silogate unit
	scripts/lint $(C_FILES)

attack: $(BUILD)/silogate ## sessions of a spy through a silogate that blocks, for SECONDS a server (default 900; SEED=...), and half as long where names fold, and where the server comes again otherwise
	scripts/deps build test
	SILOGATE_BUILD=$(BUILD) tests/attack/attack.py --corpus
	SILOGATE_BUILD=$(BUILD) tests/attack/attack.py --seconds $(or $(SECONDS),900) $(if $(SEED),--seed $(SEED))
	SILOGATE_BUILD=$(BUILD) tests/attack/attack.py --fold --seconds $$(($(or $(SECONDS),900) / 2)) $(if $(SEED),--seed $(SEED))
	SILOGATE_BUILD=$(BUILD) tests/attack/attack.py --restart --seconds $$(($(or $(SECONDS),900) / 2)) $(if $(SEED),--seed $(SEED))
	SILOGATE_BUILD=$(BUILD) tests/attack/moving.py --seconds $(or $(SECONDS),900) $(if $(SEED),--seed $(SEED))

side-by-side: $(BUILD)/silogate ## all that clients see, directly and through silogate, the long form
	scripts/deps build test
	SILOGATE_LONG=1 SILOGATE_BUILD=$(BUILD) $(PYTEST) tests/system/test_side_by_side.py \
	    tests/system/test_sql_state.py

legs: $(BUILD)/silogate ## 40 MB both ways over each pair of plain, compressed and TLS legs; then the same under ASan
	scripts/deps build test
	$(MAKE) --no-print-directory -s -j2 BUILD=$(ASAN) CFLAGS="-O1 -g" SANITIZE=address,undefined $(ASAN)/silogate
	SILOGATE_LONG=1 SILOGATE_BUILD=$(BUILD) $(PYTEST) tests/system/test_legs.py
	SILOGATE_LONG=1 SILOGATE_BUILD=$(ASAN) $(PYTEST) tests/system/test_legs.py

upgrades: $(BUILD)/silogate ## five drivers' pools through twenty upgrades, on both servers, in plain and with TLS
	scripts/deps build test
	SILOGATE_LONG=1 SILOGATE_BUILD=$(BUILD) $(PYTEST) -s tests/system/test_upgrades.py

moves: $(BUILD)/silogate ## tables there and back 20 times under load, and a kill at each step of a move
	scripts/deps build test
	SILOGATE_LONG=1 SILOGATE_BUILD=$(BUILD) $(PYTEST) $(wildcard tests/system/test_move*.py)

soak: $(BUILD)/silogate ## mixed load with kills, reloads and rotation for SECONDS seconds (default 900)
	scripts/deps build test
	SILOGATE_SOAK=$(or $(SECONDS),900) SILOGATE_BUILD=$(BUILD) $(PYTEST) -s tests/system/test_soak.py \
	    tests/system/test_tools.py

# The objects of one compiler are not the other's: CC=clang has a folder of its own.
ASAN    := build-asan$(if $(findstring clang,$(CC)),-clang)

ASAN_TESTS ?= tests/unit tests/wire tests/system
# Whatever bytes come in, from clients, servers, files and other instances; reloads, takeovers, moves.
ASAN_SHORT := tests/unit tests/wire $(addprefix tests/system/test_,$(addsuffix .py,admin answer_ends \
    applications audit audit_hostile belief blocking bypass command_ends compression connect control counting \
    database evidence executes explain_inputs faults folding generations assigned grants_end handover health hold \
    hostile_names kill_instances learn_inputs left_behind log_mode login long_data long_lists metrics \
    move_again move_entry move_gate move_judged moves names passwords reload report routing store takeover throttle tls \
    tls_upstream transactions two_instances))

asan: ## all tests under ASan and UBSan (CC=clang: clang's)
	$(MAKE) --no-print-directory -s -j2 BUILD=$(ASAN) CFLAGS="-O1 -g" SANITIZE=address,undefined \
	    $(ASAN)/silogate unit
	SILOGATE_FORM=$${SILOGATE_FORM:-all} SILOGATE_BUILD=$(ASAN) $(PYTEST) $(BESIDE) $(ASAN_TESTS)

asan-short: ## the tests of what comes in, reloads, takeovers and moves under ASan and UBSan, in their short form
	SILOGATE_FORM=other $(MAKE) --no-print-directory asan ASAN_TESTS="$(ASAN_SHORT)"

tsan: ## the wire and system tests under TSan
	$(MAKE) --no-print-directory -s -j2 BUILD=build-tsan CFLAGS="-O1 -g" SANITIZE=thread \
	    build-tsan/silogate
	SILOGATE_FORM=$${SILOGATE_FORM:-all} SILOGATE_BUILD=build-tsan $(PYTEST) $(BESIDE) tests/wire tests/system

fuzz: ## each fuzzer for SECONDS seconds (default 60)
	scripts/fuzz $(or $(SECONDS),60)

cover: ## line coverage of the unit tests
	scripts/cover

bench: ## what a hop costs, beside its peers
	scripts/deps build bench
	$(MAKE) --no-print-directory -s $(BUILD)/silogate
	bench/run

man: $(BUILD)/silogate ## the manual pages, out of --help and the table of keys
	scripts/man $(BUILD)/silogate $(VERSION) $(BUILD)/man

SHARE   = $(DESTDIR)$(PREFIX)/share
UNITDIR ?= $(PREFIX)/lib/systemd/system
# The version of systemd that the unit is for; before 253 it knows no notify-reload.
SYSTEMD ?= $(or $(shell systemctl --version 2>/dev/null | sed -n '1s/^systemd \([0-9]*\).*/\1/p'),253)
OLD_SYSTEMD = $(if $(filter 1,$(shell expr $(SYSTEMD) '<' 253)),-e 's/^Type=notify-reload/Type=notify/' -e '/^ExecReload=/a ExecReload=/bin/kill -HUP $$MAINPID')

install: $(BUILD)/silogate man ## into DESTDIR and PREFIX; with SYSCONFDIR=/etc a first proxy.ini too
	install -D -m 755 $(BUILD)/silogate $(DESTDIR)$(PREFIX)/bin/silogate
	install -D -m 644 -t $(SHARE)/silogate proxy.ini packaging/prometheus/*.yml packaging/grafana/silogate.json
	install -D -m 644 -t $(SHARE)/man/man1 $(BUILD)/man/silogate.1
	install -D -m 644 -t $(SHARE)/man/man5 $(BUILD)/man/proxy.ini.5
	install -D -m 644 packaging/completion/silogate.bash $(SHARE)/bash-completion/completions/silogate
	install -d $(DESTDIR)$(UNITDIR)
	sed -e 's,/usr/local/bin/,$(PREFIX)/bin/,' $(OLD_SYSTEMD) packaging/systemd/silogate.service >$(DESTDIR)$(UNITDIR)/silogate.service
	install -D -m 644 packaging/systemd/silogate.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/silogate.conf
	install -D -m 644 packaging/systemd/silogate.tmpfiles $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/silogate.conf
	$(if $(SYSCONFDIR),install -D -m 640 proxy.ini $(DESTDIR)$(SYSCONFDIR)/silogate/proxy.ini)
	$(if $(SYSCONFDIR),install -d $(DESTDIR)$(SYSCONFDIR)/silogate/conf.d)

deb: ## the Debian package, into build/deb
	scripts/deps build deb
	scripts/deb $(BUILD)/deb

test-deb: ## the package in fresh roots of Debian 12 and 13: built, installed, run, upgraded, purged (SUITE=trixie)
	scripts/deps deb
	scripts/test-deb $(SUITE)

test-fresh: ## README's calls in fresh roots of Debian 12 and 13: make demo, and make test without root (SUITE=trixie)
	scripts/deps deb
	scripts/test-fresh $(SUITE)

test-container: ## what the Containerfile says, in fresh roots: built, and run without rights on a read-only file system
	scripts/deps deb
	scripts/test-container

reference: $(BUILD)/silogate ## write the tables of docs/policy.md anew out of config/keys.def
	sed '/^### \[proxy\]/,$$d' docs/policy.md >$(BUILD)/policy.md
	$(BUILD)/silogate check --keys >>$(BUILD)/policy.md
	mv $(BUILD)/policy.md docs/policy.md

clean: ## remove what was built
	rm -rf build build-*

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

FORCE:

.PHONY: FORCE all unit check deps demo test attack oracle-moves oracle-with oracle-suite oracle-words side-by-side legs moves soak upgrades test-rest test-all test-unit oracle test-unstable format lint asan asan-short tsan fuzz cover bench man install deb test-deb test-fresh test-container reference clean help
