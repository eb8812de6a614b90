# What a person does by hand. `make` lists it.
.DEFAULT_GOAL := help
.PHONY: help demo test lint fmt deny python chart manifests images e2e conformance bench release-dry-run screenshots version

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## the whole main job on this machine, with fake clouds
	cargo run -p demo

test: ## every test but those that need other languages
	cargo test

lint: ## formatting, clippy and the documentation's links
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items

fmt: ## format everything
	cargo fmt --all

deny: ## licences, sources and duplicates of what is depended on
	cargo deny check licenses bans sources

python: ## what Python's botocore and google-auth say of it
	tests/python/run

conformance: ## which Google library works with which source and identity
	tests/conformance/run

bench: ## what the programs weigh, beside their budgets
	tests/bench/run

chart: ## the chart: lint, every Kubernetes version, its unit tests, what is made from it
	tests/chart/run

manifests: ## write what is made from the chart: manifests/ and its README
	scripts/render_manifests.py
	scripts/render_chart_readme

images: ## the programs' images as OCI archives in target/images, without an engine
	images/build

e2e: ## all of it on a real Kubernetes on this machine; `tests/cluster/install-packages` comes first
	tests/cluster/e2e/run

screenshots: ## the README's screenshots, of real runs
	docs/screenshots

release-dry-run: ## versions, workflows, a release that is made here
	tests/release/run

version: ## write VERSION everywhere, and DATE (today's) into the changelog
	release/version.py $(VERSION) $(DATE)
