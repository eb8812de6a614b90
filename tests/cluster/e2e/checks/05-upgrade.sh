# Upgrades from the previous version to this one under load. The load runs until 16-rotation.
# shellcheck shell=bash

run_check "load: fifty pods a second are created from now on" start_load
run_check "helm upgrade from the previous version, under load" during_load upgrade_and_verify
