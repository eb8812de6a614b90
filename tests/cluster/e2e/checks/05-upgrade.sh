# From the previous version to this one, while pods are created; as they are until 16-rotation.
# shellcheck shell=bash

prove "fifty pods a second are created from now on" load_begins
prove "helm upgrade from the previous version, under load" during_load goes_on
