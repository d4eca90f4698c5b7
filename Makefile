# Targets for developers. Each installs its requirements (scripts/setup.sh) and works in a fresh clone.

CARGO ?= cargo
WEB_SOURCES := $(shell find web -type f \( -name '*.ts' -o -name '*.css' -o -name '*.html' -o -name '*.json' \) \
	-not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)

.PHONY: demo build test unit web-test e2e network-test sdk-test api-fuzz test-java lint doc accept bench-latency bench-network bench-start bench-render bench-motion bench-convert bench-levels bench-vtk bench-encode bench-control setup setup-test clean

## Builds everything and starts it on this machine; prints the address to open.
demo: build
	@target/release/remora up $(UP)

## Builds the release executable with the embedded web page: target/release/remora.
build: setup web/portal/dist/index.html
	$(CARGO) build --release --bin remora

## Runs every check and test, including those in a real browser and with the official SDK.
test: setup-test lint unit doc web-test e2e network-test sdk-test api-fuzz

unit: setup-test web/portal/dist/index.html
	scripts/with-postgres.sh $(CARGO) test --workspace
	@# --workspace, because -p would build the dependencies again with other features.
	REMORA_TEST_STORE=postgres scripts/with-postgres.sh $(CARGO) test --workspace --test scenarios

## Builds the documentation of all crates; a warning is an error.
doc: web/portal/dist/index.html
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --quiet

web-test: setup-test
	cd web && npm test
	@# Checks that every export of the SDK is documented and that every link is valid.
	cd web && npm run --silent docs

target/debug/remora: FORCE web/portal/dist/index.html
	$(CARGO) build --bin remora

e2e: setup-test target/debug/remora
	UP="--config web/e2e/remora.toml" scripts/with-remora.sh target/debug/remora npm --prefix web run test:e2e
	@# Checks that the benchmark still works with the page; its figures are not checked.
	COUNT=2 scripts/with-remora.sh target/debug/remora scripts/bench-latency.sh

## Runs the service and the browser in two network namespaces, which need root.
network-test: setup-test target/debug/remora
	REMORA=$(CURDIR)/target/debug/remora npm --prefix web run test:network

sdk-test: setup-test target/debug/remora
	UP="--config tests/sdk/remora.toml" scripts/with-remora.sh target/debug/remora tests/sdk/python/run.sh

## Sends random requests made from the OpenAPI documents; EXAMPLES per operation.
api-fuzz: setup-test target/debug/remora
	UP="--config tests/sdk/remora.toml" scripts/with-remora.sh target/debug/remora tests/sdk/openapi/run.sh

## Runs the official Java SDK; skipped with a message where Maven Central cannot be reached.
test-java: setup-test target/debug/remora
	UP="--config tests/sdk/remora.toml" scripts/with-remora.sh target/debug/remora tests/sdk/java/run.sh

## Checks format, lints and dependencies.
lint: setup-test web/portal/dist/index.html
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --quiet -- -D warnings
	$(CARGO) clippy -p remora --no-default-features --bin remora --quiet -- -D warnings
	scripts/deny.sh
	cd web && npm run --silent check

## Replaces golden images and generated files by the output of the code; review them before committing.
accept: setup-test
	REMORA_ACCEPT_GENERATED=1 $(CARGO) test -p remora-protocol --test generated
	REMORA_ACCEPT_GOLDEN=1 $(CARGO) test -p remora-render
	cd web && npm run generate

## Measures the time from input to frame and the frame rate in a real browser; prints a table.
bench-latency: build setup-test
	scripts/bench-latency.sh

## Measures opening the page, and latency directly, over TCP and through TURN, from another machine. Needs root.
bench-network: build setup-test
	REMORA=$(CURDIR)/target/release/remora npm --prefix web run bench:network

## Measures the time until a session is Ready, with and without an idle host.
bench-start: build
	UP="--config scripts/bench-start.toml" scripts/with-remora.sh target/release/remora scripts/bench-start.py

## Measures the stages of a frame, and the preparation of a model.
bench-render: setup
	$(CARGO) run --release -p remora-render --example frame_cost

## Measures how close frames in motion are to the frame at rest; MODELS="a.glb b.arrAsset", OPTIONS="--rung 7".
bench-motion: setup
	$(CARGO) run --release -p remora-host --example motion_quality -- 'builtin://Engine?triangles=200000' $(MODELS) $(OPTIONS)

## Measures speed and memory of converting large models, and the time to open an asset.
bench-convert: setup
	$(CARGO) run --release -p remora-convert --example convert_cost

## Measures a frame at 1 pixel of error with levels of detail: the largest engine, 100 million triangles (one mesh a
## hundred times, and all different, the latter beside the same surface in 1 million), 10 million points. Building them
## takes minutes and 12 GiB of memory.
bench-levels: setup
	$(CARGO) run --release -p remora-render --example frame_cost -- --frames 20 'builtin://Engine?triangles=18700000'
	$(CARGO) run --release -p remora-render --example frame_cost -- --frames 20 sheets:1
	$(CARGO) run --release -p remora-render --example frame_cost -- --frames 20 --instances 100 sheets:1
	$(CARGO) run --release -p remora-render --example frame_cost -- --frames 20 sheets:100:10000 sheets:100
	$(CARGO) run --release -p remora-render --example frame_cost -- --frames 20 points:10000000

## Measures VTK's off-screen renderer with GLB files beside Remora in motion; MODELS="a.glb b.glb".
bench-vtk: setup
	$(CARGO) build --release -p remora-host --example motion_quality
	scripts/bench-vtk.sh $(MODELS)

## Measures cost and quality of the video encoder.
bench-encode: setup
	$(CARGO) run --release -p remora-stream --example encode_cost

## Measures creates, gets and lists per second with up to a million sessions, and the limits of the machine.
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
