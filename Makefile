# On a fresh Debian or Ubuntu two targets do everything: `make demo` and `make test`.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
# Swift may be installed where no PATH leads.
export PATH := $(PATH):/opt/swift/usr/bin:$(HOME)/.local/share/swiftly/bin:/usr/libexec/swift/bin
PYTHON := .venv/bin/python
PREFIX ?= /usr/local
# Where systemd looks for units; it does not look below every prefix.
SYSTEMD ?= $(if $(filter /usr /usr/local,$(PREFIX)),$(PREFIX),/usr/local)/lib

.PHONY: help setup build release programs test test-importers test-report test-formats test-resume test-spark test-fallbacks test-faults fuzz tsan asan soak soak-clients format lint check bench bench-swap golden exactness model demo install man deb test-deb
help: ## What there is to make
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 14
setup: ## Say where to get Swift, install the packages that are missing (apt-get)
	@tools/setup.sh
build: setup ## Debug build
	swift build
release: setup ## Release build with the Swift runtime inside: .build/release/astd and astctl
	@[ -x .build/release/astd ] || echo "Building astd: two to six minutes the first time."
	@$(MAKE) --no-print-directory programs
programs: # As the Debian package builds them too. Nobody links against them, so they export nothing.
	swift build -c release --static-swift-stdlib -Xlinker --no-export-dynamic
test: setup ## Install what is missing, build, run every test
	swift build --build-tests
	swift test --skip-build --parallel
	ASTD=.build/debug/astd Tests/tools/test_fetch_model.sh
	ASTD_BUILD=.build/debug python3 tools/faults --short
	@echo "All tests passed."
test-importers: $(PYTHON) ## The importers of other checkpoints, against forward passes from the formulas
	$(PYTHON) Tests/tools/test_importers.py
test-report: release ## The page of astd classify --report in headless Chromium (apt-get install chromium chromium-driver ffmpeg)
	python3 Tests/tools/test_report.py
test-formats: release ## Tables of astd classify in pandas, R and a reader of Raven's (apt-get install r-base-core)
	[ -x .build/venv-formats/bin/python ] || python3 -m venv .build/venv-formats
	.build/venv-formats/bin/pip install -q -r Tests/tools/test_formats.txt
	.build/venv-formats/bin/python Tests/tools/test_formats.py
test-resume: release ## astd classify --resume after kill -9 and Ctrl-C at twenty random moments each
	python3 Tests/tools/test_resume.py
test-spark: release ## examples/spark on a small cluster, with a worker killed in the middle (needs a Java runtime)
	@command -v java > /dev/null || { echo "test-spark: no java: apt-get install default-jre-headless" >&2; exit 1; }
	[ -x .build/venv-spark/bin/python ] || python3 -m venv .build/venv-spark
	.build/venv-spark/bin/pip install -q -r examples/spark/requirements.txt
	.build/venv-spark/bin/python Tests/tools/test_spark.py
test-faults: release ## Sound servers and microphones that fail, five minutes; PipeWire's, too, where it is installed. CYCLES=500
	python3 tools/faults --cycles $(or $(CYCLES),500)
fuzz: setup ## Fuzz what reads strangers' files, ten minutes each
	@tools/fuzz.sh
test-fallbacks: release ## The kernels of other processors, under qemu
	@tools/test_fallbacks.sh
tsan: setup ## The tests that use threads, under the thread sanitizer
	swift test --sanitize=thread --scratch-path .build-tsan --filter 'CaptureTests|DaemonTests|BatchTests.ParallelRun|InferenceTests.WorkerPool'
asan: setup ## Every test, under the address sanitizer (leaks aside: the test runner has some of its own)
	ASAN_OPTIONS=detect_leaks=0 swift test --sanitize=address --scratch-path .build-asan --parallel
soak: release ## An hour in real time of everything that may happen: no growth, nothing lost (SOAK='--unpaced-hours 24 --chart FILE')
	tools/soak/soak.py $(SOAK)
soak-clients: release ## A thousand subscribers, a tenth of them asleep; ten thousand connections; garbage
	tools/soak/subscribers.py
format: ## Rewrite the Swift sources in the house's layout
	git ls-files -z '*.swift' | xargs -0r swift format -i --parallel
lint: ## Layout and house rules, strictly
	git ls-files -z '*.swift' | xargs -0r swift format lint --strict --parallel
	@tools/house_rules.sh
check: setup lint test ## What CI runs
bench: release ## Time a window of the default model
	.build/release/astd bench
demo: release ## Hear the shipped model recognise sounds through a private PulseAudio server
	@tools/demo.sh
golden: $(PYTHON) ## Make the golden numbers again with transformers, PEFT and torchaudio
	$(PYTHON) tools/make_golden.py
exactness: release $(PYTHON) ## Compare the release build with the oracles, full-size models included
	$(PYTHON) tools/check_exactness.py
model: ## Make the shipped model and adapter again (hours): LAB=directory
	tools/model/make.sh $(LAB)
bench-swap: release $(PYTHON) ## Time adapter swaps of a full-size model under a running daemon
	$(PYTHON) tools/check_exactness.py --make .build/models-full
	$(PYTHON) Benchmarks/adapter_swap.py --models .build/models-full
install: ## Install what make release has built, with model, units and settings (kept if there are any); PREFIX (/usr/local), DESTDIR
	@[ -x .build/release/astd ] && [ -x .build/release/astctl ] || { echo "install: nothing is built yet: make release" >&2; exit 1; }
	install -D -s -t $(DESTDIR)$(PREFIX)/bin .build/release/astd .build/release/astctl
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 docs/man/astd.1 docs/man/astctl.1
	install -D -m 644 -t $(DESTDIR)/var/lib/astd/models/default models/default/*.json models/default/*.safetensors
	install -D -m 644 -t $(DESTDIR)/var/lib/astd/models/selftest models/selftest/*
	install -D -m 644 -t $(DESTDIR)/var/lib/astd/adapters/alarms models/alarms/*.json models/alarms/*.safetensors
	install -D -m 644 -t $(DESTDIR)$(SYSTEMD)/systemd/system systemd/system/*
	install -D -m 644 -t $(DESTDIR)$(SYSTEMD)/systemd/user systemd/user/*
	sed -i 's|^ExecStart=astd |ExecStart=$(PREFIX)/bin/astd |' $(DESTDIR)$(SYSTEMD)/systemd/{system,user}/astd.service
	install -D -m 644 -t $(DESTDIR)$(SYSTEMD)/sysusers.d systemd/sysusers.d/astd.conf
	install -D -m 644 -t $(DESTDIR)$(SYSTEMD)/tmpfiles.d systemd/tmpfiles.d/astd.conf
	if [ -e $(DESTDIR)/etc/astd/astd.yaml ]; then echo "$(DESTDIR)/etc/astd/astd.yaml is kept as it is"; \
	else install -D -m 644 -t $(DESTDIR)/etc/astd etc/astd.yaml; fi
	@[ -n "$(DESTDIR)" ] || echo "For a service: systemd-sysusers && systemd-tmpfiles --create astd.conf && systemctl daemon-reload, then docs/service.md"
man: release ## Make the manual pages again from what the programs say of themselves
	tools/make_man.py .build/release/astd docs/man/astd.1
	tools/make_man.py .build/release/astctl docs/man/astctl.1
deb: ## The Debian package: .build/deb/astd_VERSION_ARCHITECTURE.deb
	@tools/setup.sh debhelper dpkg-dev lintian
	$(MAKE) man
	tools/make_deb.sh
test-deb: ## Install, run, upgrade and purge the package in a Debian that is booted in a container (root)
	@tools/setup.sh debootstrap systemd-container
	tools/test_deb.sh
$(PYTHON): tools/requirements.txt
	python3 -m venv .venv || { echo "setup: python3 -m venv does not work: apt-get install python3-venv" >&2; exit 1; }
	.venv/bin/pip install -q -r tools/requirements.txt
	touch $@
