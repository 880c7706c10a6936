# What people do with the project. `make help` lists it.

SHELL := /bin/bash
.DEFAULT_GOAL := help
CARGO := cargo
BINARY := target/release/seclyzer
QUICK_BINARY := target/quick/seclyzer

.PHONY: help build deb run test check pictures privacy coverage recognition torture order bench test-packages test-host wayland-roots test-wayland test-gnome test-vm test-long clean

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

build: ## The release binary, target/release/seclyzer
	@scripts/packages.sh build
	$(CARGO) build --release --locked

deb: build ## A Debian package, target/debian/seclyzer_*.deb
	@scripts/deb.sh $(CARGO)

run: ## Build target/quick/seclyzer (`make build` compiles again, for longer), then run the agent; a demonstration without devices
	@scripts/packages.sh build
	$(CARGO) build --profile quick --locked
	@scripts/run.sh $(QUICK_BINARY)

# The compositors are fetched while lints are checked, and their tests are compiled with all others.
test: test-packages ## All there is to test; installs the packages that the tests need
	$(MAKE) -j2 check wayland-roots
	$(CARGO) test --locked --features wayland-tests
	$(MAKE) test-vm

test-host: ## The tests that need neither a virtual machine nor a Wayland compositor
	$(CARGO) test --locked

check: ## Format and lints
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets --features long-tests,wayland-tests -- -D warnings

pictures: test-packages ## Make the pictures in docs/pictures anew
	-$(CARGO) test --locked --bin seclyzer-view picture
	$(CARGO) test --locked --test view_browser pictured
	cp target/pictures/* docs/pictures/

privacy: ## What an attacker learns from records, on simulated typists; docs/privacy.md explains it
	$(CARGO) run --release --locked --example privacy

coverage: ## Which share of keystroke records contains values, by kind of text and setting; docs/privacy.md explains it
	$(CARGO) run --release --locked --example privacy -- coverage

recognition: build ## Errors and takeovers on public sets that you fetched into DATA=DIR; docs/recognition.md explains it
	@scripts/recognition.sh $(BINARY) $(DATA)

test-packages:
	@scripts/packages.sh test
	@scripts/python.sh

wayland-roots:
	@scripts/wayland-root.sh root
	@scripts/wayland-root.sh gnome

test-wayland: test-packages ## The focus on real Wayland compositors, without a screen: sway, labwc, KWin
	@scripts/wayland-root.sh root
	$(CARGO) test --locked --features wayland-tests --test wayland --test kwin

test-gnome: test-packages ## The same on GNOME Shell
	@scripts/wayland-root.sh gnome
	$(CARGO) test --locked --features wayland-tests --test gnome

test-vm: build test-packages ## The release binary in virtual machines: real input devices, a whole desktop; TEST=desktop_… for some
	@scripts/test-vm.sh $(CARGO) $(abspath $(BINARY)) vm-tests $(TEST)

test-long: build test-packages ## Ten strangers and an hour of the owner at an agent that locks: two hours
	@scripts/test-vm.sh $(CARGO) $(abspath $(BINARY)) long-tests long:: --nocapture

torture: test-packages ## The fault campaign; prints what became of the records under each fault
	@$(CARGO) test --locked --quiet --test torture -- $(TORTURE)

order: test-packages ## Adds to link/used.ld, by which the program is linked, what a running agent calls; as root
	$(CARGO) rustc --locked --release --bin seclyzer -- -C strip=none
	install -D target/release/seclyzer target/order/seclyzer
	$(CARGO) bench --locked --bench agent -- order

bench: test-packages ## What the agent costs, beside its targets: some 15 minutes, as root; HOURS=1 ROWS=10000000 for all
	$(CARGO) bench --locked --bench parts
	$(CARGO) bench --locked --bench agent -- $(if $(HOURS),HOURS=$(HOURS)) $(if $(ROWS),ROWS=$(ROWS))

clean: ## Remove what was built
	$(CARGO) clean
