# On a fresh Debian or Ubuntu, `make demo` and `make test` install what they need, build and run.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

# Swift may be installed in a directory that is not in PATH.
export PATH := $(PATH):/opt/swift/usr/bin:$(HOME)/.local/share/swiftly/bin:/usr/libexec/swift/bin

PYTHON := .venv/bin/python
PREFIX ?= /usr/local
# Where systemd looks for units: not below every prefix.
SYSTEMD ?= $(if $(filter /usr /usr/local,$(PREFIX)),$(PREFIX),/usr/local)/lib

.DEFAULT_GOAL := help
# Every target but the Python environment is a command, not a file.
.PHONY: help setup build release programs demo \
	test test-importers test-report test-page test-api test-formats test-decoding test-resume test-sdcard test-spark test-own-sounds test-fallbacks test-levels test-faults test-sources test-gateway \
	tsan asan fuzz soak soak-clients \
	format lint check ci \
	bench bench-swap throughput golden source-states exactness model \
	install man deb test-deb

help: ## List the targets
	@sed -nE -e 's/^##@ (.*)/\n\1/p' -e 's/^([a-z-]+):.*## (.*)/  \1\t\2/p' Makefile | expand -t 18


##@ Build

setup: ## Install the packages that are missing (apt-get); says where to get Swift
	@tools/setup.sh

build: setup ## Debug build: .build/debug/astd and astctl
	swift build

release: setup ## Release build with the Swift runtime linked in: .build/release/astd and astctl
	@[ -x .build/release/astd ] || echo "Building astd: two to six minutes the first time."
	@$(MAKE) --no-print-directory programs

# The commit for --version; empty where git does not know these files.
COMMIT = $(shell git ls-files --error-unmatch Makefile > /dev/null 2>&1 \
	&& git describe --always --dirty --exclude='*' --abbrev=12)

# The toolchain's lld, where it has one: unlike gold, it does not warn of mktemp, which the static Foundation contains and
# astd does not call.
LLD = $(wildcard $(shell swiftc -print-target-info | sed -n 's|.*"runtimeResourcePath": "\(.*\)/lib/swift".*|\1|p')/bin/ld.lld)

# Also called by debian/rules. Nothing links against the programs, so they export no symbols.
programs:
	ASTD_COMMIT="$(COMMIT)" swift build -c release --static-swift-stdlib $(if $(LLD),-Xswiftc -use-ld=lld) \
		-Xlinker --no-export-dynamic

demo: release ## Play sounds into a private PulseAudio server and show what astd recognises (PAGE=1: until Ctrl-C)
	@PAGE=$(PAGE) tools/demo.sh


##@ Test

# Tests that compute would hold up those that wait for servers and programs: all tests of a process share its threads.
# Those that start programs run four at a time, or else more than thirty daemons would share the processor.
COMPUTING := '^(Batch|Detection|Frontend|Gateway|Inference|Recognizer|Settings|SystemSupport|TextSupport|Wire)Tests\.'

test: setup ## Run every test, then half a minute of fault injection; installs missing packages
	swift build --build-tests
	swift test --skip-build --parallel --filter $(COMPUTING)
	SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=4 swift test --skip-build --parallel --skip $(COMPUTING)
	ASTD=.build/debug/astd Tests/tools/test_fetch_model.sh
	python3 Tests/tools/test_throughput.py
	@echo "Fault injection: private sound servers are killed and restarted for about 30 s (all faults: make test-faults)"
	ASTD_BUILD=.build/debug python3 tools/faults --short
	@echo "All tests passed."

test-importers: $(PYTHON) ## The importers, against an independent implementation of the trainings' formulas
	$(PYTHON) Tests/tools/test_importers.py

test-report: release ## The HTML report in headless Chromium (apt-get install chromium chromium-driver ffmpeg)
	python3 Tests/tools/test_report.py

test-page: release ## The gateway's page in headless Chromium, used as a person would (ONLY='live timeline'); installs Chromium
	@tools/setup.sh chromium chromium-driver python3-venv
	[ -x .build/venv-page/bin/python ] || python3 -m venv .build/venv-page
	.build/venv-page/bin/pip install -q --no-deps -r Tests/tools/test_page.txt
	.build/venv-page/bin/python Tests/tools/test_page.py $(ONLY)
	[ -n "$(ONLY)" ] || $(MAKE) --no-print-directory test-api

test-api: release ## The gateway's API against its description, with generated requests (API_SECONDS=60)
	@tools/setup.sh python3-venv
	[ -x .build/venv-api/bin/python ] || python3 -m venv .build/venv-api
	.build/venv-api/bin/pip install -q -r Tests/tools/test_api.txt
	.build/venv-api/bin/python Tests/tools/test_api.py $(API_SECONDS)

test-formats: release ## Output formats read by pandas, R and a reader of Raven's (apt-get install r-base-core)
	[ -x .build/venv-formats/bin/python ] || python3 -m venv .build/venv-formats
	.build/venv-formats/bin/pip install -q -r Tests/tools/test_formats.txt
	.build/venv-formats/bin/python Tests/tools/test_formats.py

test-decoding: release ## A minute of sound in 70 files of 40 formats; installs ffmpeg, sox and the usual encoders
	@tools/setup.sh ffmpeg sox libsox-fmt-all lame vorbis-tools opus-tools speex
	python3 Tests/tools/test_decoding.py

test-resume: release ## `astd classify --resume` after twenty kill -9 and twenty Ctrl-C at random moments
	python3 Tests/tools/test_resume.py

test-sdcard: release ## A day of recordings as an SD card leaves them: every name is counted, and --resume after kill -9
	python3 Tests/tools/test_sdcard.py

test-spark: ## examples/spark on a small cluster, killing a worker in the middle (needs a Java runtime)
	@command -v java > /dev/null \
	|| { echo "test-spark: java is missing: apt-get install default-jre-headless" >&2; exit 1; }
	@$(MAKE) --no-print-directory release
	[ -x .build/venv-spark/bin/python ] || python3 -m venv .build/venv-spark
	.build/venv-spark/bin/pip install -q -r examples/spark/requirements.txt
	.build/venv-spark/bin/python Tests/tools/test_spark.py

test-own-sounds: release $(PYTHON) ## examples/own-sounds: bad clips, kills, and scores, events and vectors compared with astd's
	$(PYTHON) Tests/tools/test_own_sounds.py

test-fallbacks: release ## The kernels for other processors, under qemu; installs qemu and Arm's C library
	@tools/test_fallbacks.sh

test-levels: setup ## Every test, with the kernels of each instruction set that this processor has
	swift build --build-tests
	@OTHERS=$(OTHERS) tools/test_levels.sh "$(FILTER)"

test-faults: release ## Every fault of sound servers and microphones, five minutes (CYCLES=500 restarts at the end)
	python3 tools/faults --cycles $(or $(CYCLES),500)

test-sources: release ## Eight sources that come and go on one daemon, 30 minutes (MINUTES=30)
	python3 tools/faults/sources.py --minutes $(or $(MINUTES),30)

test-gateway: setup ## astd-gateway with real daemons, MQTT broker and Home Assistant, and kills (MINUTES=2 KILLS=12)
	@tools/setup.sh mosquitto mosquitto-clients python3-venv
	swift build --build-tests
	swift test --skip-build --filter 'GatewayTests|GatewayHistoryTests|GatewayMQTTTests|GatewayTLSTests'
	[ -x .build/venv-home-assistant/bin/python ] || python3 -m venv .build/venv-home-assistant
	.build/venv-home-assistant/bin/pip install -q -r Tests/tools/test_home_assistant.txt
	.build/venv-home-assistant/bin/python Tests/tools/test_home_assistant.py
	MINUTES=$(or $(MINUTES),2) KILLS=$(or $(KILLS),12) python3 Tests/tools/test_gateway_kills.py

tsan: setup ## The tests that use threads, with the thread sanitizer
	TSAN_OPTIONS=suppressions=$(CURDIR)/Tests/tsan-suppressions.txt \
	swift test --sanitize=thread --scratch-path .build-tsan \
		--filter '^CaptureTests\.(Command|File|PausedFile|Pipe|Pulse|SampleRing|Stdin).*|^DaemonTests|ParallelRun|WorkerPool'

# The leak check is off because the test runner itself leaks.
asan: setup ## Every test, with the address sanitizer
	ASAN_OPTIONS=detect_leaks=0 swift test --sanitize=address --scratch-path .build-asan --parallel

fuzz: setup ## Fuzz the parsers of untrusted input and the gateway's HTTP server, ten minutes each (SECONDS_EACH=600)
	@tools/fuzz.sh

soak: release ## An hour of everything, in real time: no growth, no loss (SOAK='--sources 4', '--unpaced-hours 24')
	tools/soak/soak.py $(SOAK)

soak-clients: release ## 1,000 subscribers, a tenth of them stalled; 10,000 connections; garbage as input
	tools/soak/subscribers.py


##@ Check

format: ## Format the Swift sources
	git ls-files -z '*.swift' | xargs -0r swift format -i --parallel

lint: ## Check layout (swift format) and house rules
	git ls-files -z '*.swift' | xargs -0r swift format lint --strict --parallel
	git ls-files -z '*.js' | xargs -0r tools/check_javascript.py
	@tools/house_rules.sh

check: setup lint test ## Lint and test: run it before every commit

# Tests whose result depends on the kernels.
KERNEL_TESTS := InferenceTests|RecognizerTests|SameScores|Selftest

# Each step names itself and its time, so that a slow one is seen in the log.
ci: ## What CI runs: check, the kernels of every level, thread sanitizer, a minute of each fuzzer, resume, SD card, fallbacks
	@for step in check "test-levels OTHERS=1 FILTER=$(KERNEL_TESTS)" tsan "fuzz SECONDS_EACH=60" test-resume test-sdcard test-fallbacks; do \
		echo "==== make $$step"; \
		start=$$SECONDS; \
		$(MAKE) --no-print-directory $$step; \
		echo "==== make $$step: passed in $$((SECONDS - start)) s"; \
	done


##@ Measure and generate

bench: release ## Time one window of the default model
	.build/release/astd bench

bench-swap: release $(PYTHON) ## Time adapter switches of a full-size model under a running daemon
	$(PYTHON) tools/check_exactness.py --make .build/models-full
	$(PYTHON) Benchmarks/adapter_swap.py --models .build/models-full

throughput: ## Model the kernels' inner loops on other processors, and measure them here (apt-get install llvm-19)
	@python3 Benchmarks/throughput.py $(THROUGHPUT)

golden: $(PYTHON) ## Regenerate the golden numbers with transformers, PEFT and torchaudio
	$(PYTHON) tools/make_golden.py

source-states: setup ## Regenerate docs/source-states.md: what every place shows of a source in each state
	swift build --build-tests
	ASTD_WRITE_SOURCE_STATES=1 swift test --skip-build --filter SourceStateTableTests

exactness: release $(PYTHON) ## Compare the release build with the oracles, full-size models included
	$(PYTHON) tools/check_exactness.py

model: ## Retrain the shipped model and adapter (hours): LAB=directory
	tools/model/make.sh $(LAB)

man: release ## Regenerate the manual pages from the programs' --help
	tools/make_man.py .build/release/astd docs/man/astd.1
	tools/make_man.py .build/release/astctl docs/man/astctl.1
	tools/make_man.py .build/release/astd-gateway docs/man/astd-gateway.1


##@ Install

install: ## Install the release build, models, units and settings: PREFIX (/usr/local), DESTDIR
	@[ -x .build/release/astd ] && [ -x .build/release/astctl ] && [ -x .build/release/astd-gateway ] \
	|| { echo "install: there is no release build: run make release" >&2; exit 1; }
	install -D -s -t $(DESTDIR)$(PREFIX)/bin .build/release/astd .build/release/astctl .build/release/astd-gateway
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 docs/man/astd.1 docs/man/astctl.1 docs/man/astd-gateway.1
	install -D -m 644 -t $(DESTDIR)/var/lib/astd/models/default models/default/*.json models/default/*.safetensors
	install -D -m 644 -t $(DESTDIR)/var/lib/astd/models/selftest models/selftest/*
	install -D -m 644 -t $(DESTDIR)/var/lib/astd/adapters/alarms models/alarms/*.json models/alarms/*.safetensors
	install -D -m 644 -t $(DESTDIR)$(SYSTEMD)/systemd/system systemd/system/*
	install -D -m 644 -t $(DESTDIR)$(SYSTEMD)/systemd/user systemd/user/*
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/lib/astd systemd/astd-stream tools/fetch_model.sh
	install -d -m 700 $(DESTDIR)/etc/astd/streams
	sed -i 's|^ExecStart=/usr/lib/astd/|ExecStart=$(PREFIX)/lib/astd/|' \
		$(DESTDIR)$(SYSTEMD)/systemd/system/astd-stream@.service
	sed -i 's|^ExecStart=astd |ExecStart=$(PREFIX)/bin/astd |' \
		$(DESTDIR)$(SYSTEMD)/systemd/{system,user}/astd.service
	sed -i 's|^ExecStart=astd-gateway |ExecStart=$(PREFIX)/bin/astd-gateway |' \
		$(DESTDIR)$(SYSTEMD)/systemd/system/astd-gateway.service
	install -D -m 644 -t $(DESTDIR)$(SYSTEMD)/sysusers.d systemd/sysusers.d/astd.conf
	install -D -m 644 -t $(DESTDIR)$(SYSTEMD)/tmpfiles.d systemd/tmpfiles.d/astd.conf
	for file in astd.yaml gateway.yaml; do \
		if [ -e $(DESTDIR)/etc/astd/$$file ]; then \
			echo "install: keeping the existing $(DESTDIR)/etc/astd/$$file"; \
		else \
			install -D -m 644 -t $(DESTDIR)/etc/astd etc/$$file; \
		fi; \
	done
	@[ -n "$(DESTDIR)" ] || { echo "For a service: systemd-sysusers, systemd-tmpfiles --create astd.conf,"; \
		echo "systemctl daemon-reload; then see docs/service.md"; }

deb: ## Build the Debian package: .build/deb/astd_VERSION_ARCHITECTURE.deb
	@tools/setup.sh debhelper dpkg-dev lintian
	$(MAKE) man
	tools/make_deb.sh

test-deb: ## Install, run, upgrade and purge the package in a Debian booted in a container (needs root)
	@tools/setup.sh debootstrap systemd-container
	tools/test_deb.sh


# The Python environment of the oracles.
$(PYTHON): tools/requirements.txt
	python3 -m venv .venv \
	|| { echo "setup: python3 -m venv does not work: apt-get install python3-venv" >&2; exit 1; }
	.venv/bin/pip install -q -r tools/requirements.txt
	touch $@
