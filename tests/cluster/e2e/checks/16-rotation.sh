# Rotation of the certificates during the load since 05-upgrade.
# shellcheck shell=bash

rotated_twice() { [ "$(count_rotations 1)" -ge 2 ] && [ "$(count_rotations 2)" -ge 2 ]; }

rotation_fails_no_call() {
  eventually rotated_twice
  stop_load
  note "$(cat "$scratch/note"); $(count_rotations 1) new CAs, $(count_rotations 2) new certificates"
}

join_background scaling
run_check "certificate and CA rotate at least twice, under load" rotation_fails_no_call
