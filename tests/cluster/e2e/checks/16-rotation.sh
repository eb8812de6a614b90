# What the load of all checks since 05-upgrade has seen.
# shellcheck shell=bash

rotated_twice() { [ "$(rotations 1)" -ge 2 ] && [ "$(rotations 2)" -ge 2 ]; }

rotates_under_load() {
  eventually 120 rotated_twice
  load_ends
  note "$(cat "$scratch/note"); $(rotations 1) new CAs, $(rotations 2) new certificates"
}

back scaling
prove "certificate and CA are changed twice and more, under load" rotates_under_load
