# What people type. Every target says what it does: `make help`.
# On a machine with git, make, a C compiler and the Rust toolchain, `make demo` and `make test` install the rest.

CARGO        ?= cargo
STORE        ?= sqlite
SEEDS        ?= 20000
PROFILE      ?= dist
PREFIX       ?= /usr/local
DESTDIR      ?=
CNI_BIN_DIR  ?= /opt/cni/bin
CNI_CONF_DIR ?= /etc/cni/net.d
SYSTEMD_DIR  ?= $(PREFIX)/lib/systemd/system

.DEFAULT_GOAL := help

.PHONY: help
help: ## Shows this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Plays a three-node cluster with the real plugin, from nothing to nothing left (STORE=sqlite or STORE=etcd)
	@CARGO='$(CARGO)' tools/demo.sh '$(STORE)'

.PHONY: test
test: ## Runs every test, those on a real etcd included
	@tools/deps.sh build etcd
	$(CARGO) test --locked --workspace

.PHONY: interop
interop: ## Runs Calico's own programs and ours on one etcd (CALICOCTL=PATH CALICO_IPAM=PATH, INTEROP_SECONDS=30)
	@tools/deps.sh build etcd
	$(CARGO) build --locked --workspace --bins
	CALICOCTL='$(CALICOCTL)' CALICO_IPAM='$(CALICO_IPAM)' $(CARGO) test --locked --test interop

.PHONY: test-chaos
test-chaos: ## Kills processes of the plugin on real stores for a long time, and judges what callers were told (CHAOS_ROUNDS)
	@tools/deps.sh build etcd
	CHAOS_ROUNDS='$(or $(CHAOS_ROUNDS),20)' $(CARGO) test --locked --test chaos

.PHONY: test-runtime
test-runtime: ## Runs the plugin below cnitool, podman and containerd, in network namespaces of its own (as root)
	@CARGO='$(CARGO)' tools/runtime.sh

.PHONY: sim
sim: ## Runs the simulation of the protocol: SEEDS of ours, a quarter as many of mixed fleets
	@tools/deps.sh build
	SEEDS='$(SEEDS)' $(CARGO) test --locked -p block-ipam-sim --release --test simulation

.PHONY: bench
bench: ## Measures everything, each part on a fresh etcd of its own (RECORD=yes writes docs/performance.md)
bench: bench-cni bench-scale bench-ctl

.PHONY: bench-cni
bench-cni: ## Measures the library and the plugin beside the bare requests of a real etcd, as ratios of one run (RECORD=yes)
	@CARGO='$(CARGO)' tools/bench.sh $(if $(RECORD),--record)

.PHONY: bench-scale
bench-scale: ## Measures the library on large stores, full pools and many callers at once (RECORD=yes)
	@CARGO='$(CARGO)' tools/bench-scale.sh $(if $(RECORD),--record)

.PHONY: bench-ctl
bench-ctl: ## Measures ipamctl on 10 000 nodes, 16 000 blocks and 1 000 000 addresses (PROFILE; RECORD=yes)
	@CARGO='$(CARGO)' tools/bench-ctl.sh '$(PROFILE)' $(if $(RECORD),--record)

.PHONY: install
install: ## Installs plugin, ipamctl, a sample configuration and the units of collection (DESTDIR, PREFIX, CNI_BIN_DIR, CNI_CONF_DIR, SYSTEMD_DIR, PROFILE)
	@tools/deps.sh build
	$(CARGO) build --locked --workspace --bins --profile '$(PROFILE)'
	@tools/install.sh '$(PROFILE)' '$(DESTDIR)$(CNI_BIN_DIR)' '$(DESTDIR)$(PREFIX)/bin' '$(DESTDIR)$(CNI_CONF_DIR)' '$(DESTDIR)$(SYSTEMD_DIR)' '$(PREFIX)/bin'

.PHONY: check-dist
check-dist: ## Builds the plugin as it is shipped, and checks what docs/cni.md says it needs (PROFILE)
	@tools/deps.sh build
	$(CARGO) build --locked --bin block-ipam --profile '$(PROFILE)'
	@tools/shipped.sh "$${CARGO_TARGET_DIR:-target}/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))/block-ipam"

.PHONY: fmt
fmt: ## Formats the code
	$(CARGO) fmt --all

.PHONY: lint
lint: ## Checks format, clippy, shell scripts and the compose file, warnings being errors
	@tools/deps.sh build lint
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(CARGO) clippy --locked --test runtime -- -D warnings
	@tools/lint.sh

.PHONY: docs
docs: ## Builds the library's documentation, warnings being errors
	@tools/deps.sh build
	RUSTDOCFLAGS=-Dwarnings $(CARGO) doc --locked --workspace --no-deps

.PHONY: deny
deny: ## Checks licences, sources and versions of the dependencies (needs cargo-deny)
	@$(CARGO) deny --version >/dev/null || { echo 'first: $(CARGO) install cargo-deny --locked' >&2; exit 1; }
	$(CARGO) fetch --locked
	$(CARGO) deny --offline check bans licenses sources

.PHONY: deps
deps: ## Installs what building, testing, linting and measuring need (as root, by apt-get)
	@tools/deps.sh build etcd lint bench

.PHONY: ci
ci: ## Runs the gate that every change must pass
	@.ci/run
