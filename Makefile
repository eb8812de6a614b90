# Targets for development. `make` lists them.
.DEFAULT_GOAL := help
.PHONY: help demo test lint prose fmt deny advisories python chart manifests images e2e conformance applications applications-longer signing bench release-dry-run screenshots fuzz terraform terraform-check version command-lines conformance-longer simulate conformance-versions acceptance acceptance-cluster policies book without-ipv6 arm64 release-rehearsal

help: ## print this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## run Rolebridge end to end on this machine, with fake clouds
	cargo run -p demo

test: ## run every test that needs only Rust
	cargo test

lint: ## check formatting, clippy and links in the API documentation
	cargo fmt --all --check
	cargo fmt --manifest-path tests/fuzz/Cargo.toml --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items

prose: ## check words, sentences, doc comments and commit subjects
	tests/prose/run

fmt: ## format everything
	cargo fmt --all
	cargo fmt --manifest-path tests/fuzz/Cargo.toml

advisories: ## compare the dependencies with known vulnerabilities; needs RustSec's database from GitHub
	cargo deny check advisories

deny: ## check licenses, sources and bans of dependencies
	cargo deny check licenses bans sources

fuzz: ## fuzz everything that reads input of others, for SECONDS (default: an hour)
	tests/fuzz/run $(or $(SECONDS),3600)

arm64: ## compile the programs for arm64, and run the main job with them under emulation; needs root
	tests/arm64/build
	tests/arm64/run

terraform: ## read the arguments of the newest Terraform providers, and compare setup's Terraform with them
	scripts/terraform_arguments.py --newest
	cargo test --workspace --test command terraform

terraform-check: ## compare the known arguments with the pinned packages, or with OPTIONS=--newest, and write nothing
	scripts/terraform_arguments.py --check $(OPTIONS)

without-ipv6: ## test both programs on a node without IPv6; needs root
	tests/without-ipv6/run

python: ## test against Python's botocore and google-auth
	tests/python/run

command-lines: ## test every printed command with the real aws and gcloud, and the main job on what they made
	tests/command-lines/run

conformance: ## test which Google libraries work with which source and identity
	tests/conformance/run

applications-longer: ## test which programs work for longer than a token, in one process: minutes
	tests/conformance/run --longer --programs

applications: ## test which programs work with each source, all of them: installing takes minutes
	tests/conformance/run --programs

conformance-longer: ## test which libraries work for longer than a token, in one process
	tests/conformance/run --longer

signing: ## test which libraries sign URLs and call Cloud Run with each source, all of them
	tests/conformance/run --signing

conformance-versions: ## search which versions of Google's libraries work with each source, for hours or OPTIONS="--minutes 10"
	tests/conformance/run --versions $(OPTIONS)

acceptance: ## test the program that asks real accounts, on fakes; needs gcloud
	tests/acceptance/test

acceptance-cluster: ## let that program ask the fakes and a real Kubernetes on this machine; needs gcloud
	tests/cluster/e2e/run 17-acceptance

bench: ## measure size, memory and speed of the programs against their budgets and goals
	tests/bench/run

simulate: ## simulate the calls of 100,000 pods, and write docs/src/scale.md and its figure
	cargo run --release -p rolebridge-simulate

policies: ## test the chart's policies on the oldest and newest API server, or on VERSION (minutes to compile each)
	tests/cluster/policies/run $(VERSION)

book: ## build the documentation as a site in target/book, and look at each page in Chromium
	docs/build

chart: ## test the chart: lint, every Kubernetes version, unit tests, rendered files
	tests/chart/run

manifests: ## render the chart into manifests/, and its README
	scripts/render_manifests.py
	scripts/render_chart_readme

images: ## build the images as OCI archives in target/images, without a container engine
	images/build

e2e: ## test on a real Kubernetes on this machine, on the newest, VERSION=1.32 or VERSION=all; run tests/cluster/install-packages first
ifeq ($(VERSION),all)
	tests/cluster/e2e/images
	tests/cluster/e2e/versions
else
	$(if $(VERSION),KUBERNETES_VERSION=$(VERSION)) tests/cluster/e2e/run
endif

screenshots: ## render the README's screenshots from real runs
	docs/screenshots

release-dry-run: ## test versions, workflows and a release, without publishing
	tests/release/run

release-rehearsal: ## make a release without signatures, push it to a registry on this machine, and install it from there; needs root
	tests/arm64/build
	@if [ -e target/arm64/omitted ]; then echo "release-rehearsal: expected programs for arm64, found none" >&2; exit 1; fi
	tests/arm64/run
	tests/release/run
	tests/cluster/e2e/images
	E2E_RELEASE=$(CURDIR)/target/arm64/images tests/cluster/e2e/run --built 97-registry

version: ## write VERSION to every file, and DATE (default: today) into the changelog
	release/version.py $(VERSION) $(DATE)
