# silogate: `make help` lists what there is.
#   BUILD=build-x   another folder to build in       CC=clang   another compiler
#   SANITIZE=address,undefined | thread              FUZZ=1     (set by the targets below)

CC      ?= gcc
BUILD   ?= build
PREFIX  ?= /usr/local
VERSION := 0.1.0

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
            -Wswitch-enum -Wvla -Wformat=2 -Werror
CFLAGS  ?= -O2 -g
INIH_VERSION := $(shell pkg-config --modversion inih 2>/dev/null)
FLAGS   := -std=c11 -D_GNU_SOURCE -DSILOGATE_VERSION='"$(VERSION)"' -DINIH_VERSION='"$(INIH_VERSION)"' -I. -isystem /usr/include/mysql \
           $(WARNINGS) -fno-strict-aliasing -pthread -MMD -MP
LIBS    := -lev -linih -lmbedtls -lmbedx509 -lmbedcrypto -lmicrohttpd -ljansson -lz -lm -pthread
ifdef SANITIZE
FLAGS   += -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
LIBS    += -fsanitize=$(SANITIZE)
endif

ROOMS   := base config protocol sql sql/lexer policy router tls judge violations report catalogue move admin proxy \
           proxy/login cmd
SOURCES := $(wildcard $(addsuffix /*.c,$(ROOMS)))
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
LIBRARY := $(filter-out $(BUILD)/cmd/main.o,$(OBJECTS))
UNIT    := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/*/test_*.c))
C_FILES := $(SOURCES) $(wildcard $(addsuffix /*.h,$(ROOMS)) tests/*/*.c tests/*/*.h tests/unit/*/*.c \
           tests/unit/*/*.h bench/*.c)
PYTEST  := /usr/bin/python3 -m pytest -q -p no:cacheprovider

all: $(BUILD)/silogate ## build build/silogate

$(BUILD)/silogate: $(OBJECTS)
	$(CC) -o $@ $^ $(LDFLAGS) $(LIBS)

$(BUILD)/libsilogate.a: $(LIBRARY)
	rm -f $@ && ar rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(FLAGS) $(CFLAGS) -c -o $@ $<

# The client library's headers are only looked at where they are asserted against or used.
$(BUILD)/tests/unit/%: tests/unit/%.c $(BUILD)/libsilogate.a
	@mkdir -p $(@D)
	$(CC) $(FLAGS) $(CFLAGS) -o $@ $< $(BUILD)/libsilogate.a $(LDFLAGS) -lcmocka $(LIBS)

# Its allocations are counted.
$(BUILD)/bench/analyze: bench/analyze.c $(BUILD)/libsilogate.a
	@mkdir -p $(@D)
	$(CC) $(FLAGS) $(CFLAGS) -Wl,--wrap=malloc -o $@ $< $(BUILD)/libsilogate.a $(LDFLAGS) $(LIBS)

-include $(OBJECTS:.o=.d) $(UNIT:=.d)

unit: $(UNIT) ## build the unit tests (and run them with `make test-unit`)

check: ## the layers: who may include whom
	scripts/check-layers

deps: ## install what building and testing need (Debian packages, a MySQL root, Node clients)
	scripts/deps all

demo: ## a private MariaDB with NileCare's example behind silogate (HOLD=1 keeps it running)
	scripts/deps build demo
	$(MAKE) --no-print-directory -s $(BUILD)/silogate
	examples/demo

test: ## every test: unit, golden, wire, and system tests on real servers
	scripts/deps build test
	$(MAKE) --no-print-directory -s -j2 $(BUILD)/silogate unit check
	SILOGATE_BUILD=$(BUILD) $(PYTEST) tests

test-unit: unit ## the unit tests alone
	SILOGATE_BUILD=$(BUILD) $(PYTEST) tests/unit

test-unstable: ## build and test in Debian unstable: mbedTLS 3.6, Oracle's client library
	scripts/deps test
	scripts/test-unstable

oracle: ## real servers tell what statements touch (COUNT=50000 SEED=...), beside what silogate says
	scripts/deps build test oracle
	$(MAKE) --no-print-directory -s -j2 $(BUILD)/silogate
	tests/oracle/settings.py
	SILOGATE_BUILD=$(BUILD) tests/oracle/oracle.py --count $(or $(COUNT),50000) $(if $(SEED),--seed $(SEED))

format: ## clang-format over everything
	clang-format -i $(C_FILES)

lint: check ## clang's warnings, clang-format, clang-tidy, cppcheck and the layers: all must be silent
	$(MAKE) --no-print-directory -s -j2 CC=clang BUILD=build-clang build-clang/silogate unit
	scripts/lint $(C_FILES)

side-by-side: $(BUILD)/silogate ## all that clients see, directly and through silogate, the long form
	scripts/deps build test
	SILOGATE_LONG=1 SILOGATE_BUILD=$(BUILD) $(PYTEST) tests/system/test_side_by_side.py \
	    tests/system/test_sql_state.py

soak: $(BUILD)/silogate ## mixed load with kills, reloads and rotation for SECONDS seconds (default 900)
	scripts/deps build test
	SILOGATE_SOAK=$(or $(SECONDS),900) SILOGATE_BUILD=$(BUILD) $(PYTEST) -s tests/system/test_soak.py \
	    tests/system/test_tools.py

# The objects of one compiler are not the other's: CC=clang has a folder of its own.
ASAN    := build-asan$(if $(findstring clang,$(CC)),-clang)

asan: ## all tests under ASan and UBSan (CC=clang: clang's)
	$(MAKE) --no-print-directory -s -j2 BUILD=$(ASAN) CFLAGS="-O1 -g" SANITIZE=address,undefined \
	    $(ASAN)/silogate unit
	SILOGATE_BUILD=$(ASAN) $(PYTEST) tests/unit tests/wire tests/system

tsan: ## the wire and system tests under TSan
	$(MAKE) --no-print-directory -s -j2 BUILD=build-tsan CFLAGS="-O1 -g" SANITIZE=thread \
	    build-tsan/silogate
	SILOGATE_BUILD=build-tsan $(PYTEST) tests/wire tests/system

fuzz: ## each fuzzer for SECONDS seconds (default 60)
	scripts/fuzz $(or $(SECONDS),60)

cover: ## line coverage of the unit tests
	scripts/cover

bench: ## what a hop costs, beside its peers
	scripts/deps build bench
	$(MAKE) --no-print-directory -s $(BUILD)/silogate
	bench/run

install: $(BUILD)/silogate ## into DESTDIR and PREFIX
	install -D -m 755 $(BUILD)/silogate $(DESTDIR)$(PREFIX)/bin/silogate
	install -D -m 644 proxy.ini $(DESTDIR)$(PREFIX)/share/silogate/proxy.ini
	install -m 644 -t $(DESTDIR)$(PREFIX)/share/silogate docs/operations.md packaging/systemd/silogate.service \
	    packaging/prometheus/*.yml packaging/grafana/silogate.json

reference: $(BUILD)/silogate ## write the tables of docs/policy.md anew out of config/keys.def
	sed '/^### \[proxy\]/,$$d' docs/policy.md >$(BUILD)/policy.md
	$(BUILD)/silogate check --keys >>$(BUILD)/policy.md
	mv $(BUILD)/policy.md docs/policy.md

clean: ## remove what was built
	rm -rf build build-*

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: all unit check deps demo test side-by-side soak test-unit oracle test-unstable format lint asan tsan fuzz cover bench install reference clean help
