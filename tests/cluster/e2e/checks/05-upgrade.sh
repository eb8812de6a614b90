# From the previous version to this one. Then the load begins that goes on until 16-rotation.
# shellcheck shell=bash

prove "helm upgrade from the previous version, under load" under_load goes_on
prove "fifty pods a second are created from now on" load_begins
