# The rate of admissions that this cluster sustains: pods as fast as sixteen connections create them, as dry runs.
# shellcheck shell=bash

sustained_rate() {
  start_load --rate 100000
  sleep 20 # the length of the measurement
  stop_load
}

run_check "load: pods are created as fast as the API server allows, and none fails" sustained_rate
