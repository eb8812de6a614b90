# From the previous version to this one; the other checks see this one.
# shellcheck shell=bash

prove "helm upgrade from the previous version, under load" under_load goes_on
