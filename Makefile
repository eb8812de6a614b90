# What a person does by hand. `make` lists it.
.DEFAULT_GOAL := help
.PHONY: help demo test lint fmt deny python bench

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

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

bench: ## what the programs weigh, beside their budgets
	tests/bench/run
