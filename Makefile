# What a person types. Each target installs what it needs (scripts/setup.sh) and can be run from a fresh clone.

CARGO ?= cargo
WEB_SOURCES := $(shell find web -type f \( -name '*.ts' -o -name '*.css' -o -name '*.html' -o -name '*.json' \) \
	-not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)

.PHONY: demo build test unit web-test e2e network-test sdk-test api-fuzz test-java lint doc accept bench-latency bench-network bench-start bench-render bench-convert bench-levels bench-vtk bench-encode bench-control setup setup-test clean

## Build everything and start it on this machine; prints the address to open.
demo: build
	@target/release/remora up $(UP)

## The release executable, web pages embedded: target/release/remora.
build: setup web/portal/dist/index.html
	$(CARGO) build --release --bin remora

## Every test, the ones in a real browser and with the official SDK included.
test: setup-test lint unit doc web-test e2e network-test sdk-test api-fuzz

unit: setup-test web/portal/dist/index.html
	scripts/with-postgres.sh $(CARGO) test --workspace
	@# --workspace: with -p the dependencies would have other features, and be built again.
	REMORA_TEST_STORE=postgres scripts/with-postgres.sh $(CARGO) test --workspace --test scenarios

## The documentation of all crates; a link that leads nowhere is an error.
doc: web/portal/dist/index.html
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --quiet

web-test: setup-test
	cd web && npm test
	@# That every export of the SDK is documented, and every link leads somewhere.
	cd web && npm run --silent docs

target/debug/remora: FORCE web/portal/dist/index.html
	$(CARGO) build --bin remora

e2e: setup-test target/debug/remora
	UP="--config web/e2e/remora.toml" scripts/with-remora.sh target/debug/remora npm --prefix web run test:e2e
	@# That the benchmark still finds its way through the page; its figures are not judged.
	COUNT=2 scripts/with-remora.sh target/debug/remora scripts/bench-latency.sh

## The service on one machine and the browser on another: two network namespaces, which need root.
network-test: setup-test target/debug/remora
	REMORA=$(CURDIR)/target/debug/remora npm --prefix web run test:network

sdk-test: setup-test target/debug/remora
	UP="--config tests/sdk/remora.toml" scripts/with-remora.sh target/debug/remora tests/sdk/python/run.sh

## Requests made up from the OpenAPI documents; EXAMPLES per operation.
api-fuzz: setup-test target/debug/remora
	UP="--config tests/sdk/remora.toml" scripts/with-remora.sh target/debug/remora tests/sdk/openapi/run.sh

## The official Java SDK; says so where Maven Central cannot be reached.
test-java: setup-test target/debug/remora
	UP="--config tests/sdk/remora.toml" scripts/with-remora.sh target/debug/remora tests/sdk/java/run.sh

lint: setup-test web/portal/dist/index.html
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --quiet -- -D warnings
	$(CARGO) clippy -p remora --no-default-features --bin remora --quiet -- -D warnings
	cd web && npm run --silent check

## Take what the code makes now as the golden images and generated files, to be looked at before it is committed.
accept: setup-test
	REMORA_ACCEPT_GENERATED=1 $(CARGO) test -p remora-protocol --test generated
	REMORA_ACCEPT_GOLDEN=1 $(CARGO) test -p remora-render
	cd web && npm run generate

## Input to picture in a real browser, and pictures per second; prints a table.
bench-latency: build setup-test
	scripts/bench-latency.sh

## From another machine: opening the address, and the delay directly, over TCP and through TURN. Needs root.
bench-network: build setup-test
	REMORA=$(CURDIR)/target/release/remora npm --prefix web run bench:network

## How soon a session is Ready, with an idle host and without.
bench-start: build
	UP="--config scripts/bench-start.toml" scripts/with-remora.sh target/release/remora scripts/bench-start.py

## Cost of a frame by stage, and of getting a model ready.
bench-render: setup
	$(CARGO) run --release -p remora-render --example frame_cost

## Triangles per second and memory of converting large models, and how soon an asset is open.
bench-convert: setup
	$(CARGO) run --release -p remora-convert --example convert_cost

## A frame at 1 pixel of error with levels of detail: the largest engine, 100 million triangles (one mesh a hundred times,
## and all different, the latter beside the same surface in 1 million), 10 million points. Building them takes minutes and
## 12 GiB of memory.
bench-levels: setup
	$(CARGO) run --release -p remora-render --example frame_cost -- --frames 20 'builtin://Engine?triangles=18700000'
	$(CARGO) run --release -p remora-render --example frame_cost -- --frames 20 sheets:1
	$(CARGO) run --release -p remora-render --example frame_cost -- --frames 20 --instances 100 sheets:1
	$(CARGO) run --release -p remora-render --example frame_cost -- --frames 20 sheets:100:10000 sheets:100
	$(CARGO) run --release -p remora-render --example frame_cost -- --frames 20 points:10000000

## VTK's off-screen renderer on GLB files, to compare with; MODELS="a.glb b.glb".
bench-vtk: setup
	scripts/bench-vtk.sh $(MODELS)

## Cost and quality of the video encoder.
bench-encode: setup
	$(CARGO) run --release -p remora-stream --example encode_cost

## Creates, gets and lists per second with up to a million sessions, beside what the machine could do at most.
bench-control: setup
	$(CARGO) run --release --example control_cost

web/portal/dist/index.html: $(WEB_SOURCES) | setup
	cd web && npm run --silent build

setup:
	@scripts/setup.sh run

setup-test:
	@scripts/setup.sh test

clean:
	$(CARGO) clean
	rm -rf web/node_modules web/*/dist test-output

FORCE:
