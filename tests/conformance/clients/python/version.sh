#!/bin/sh
# version.sh REQUIREMENT...: installs versions of libraries and what they need into the current folder. Only from wheels: an old
# source package would have to be compiled, for minutes. Old packages import setuptools.
set -eu
python3 -m venv --without-pip .
python3 -m pip --disable-pip-version-check --quiet --python bin/python install --only-binary :all: "$@" "setuptools<81"
