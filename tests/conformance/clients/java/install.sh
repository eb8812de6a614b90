#!/bin/sh
# install.sh OUT: compiles the Java programs and copies their libraries.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$1"
cp -r "$here/pom.xml" "$here/src" .
mvn --quiet --batch-mode package
ln -sfn "$(dirname "$(dirname "$(readlink -f "$(command -v java)")")")" jdk
rm -f trust-*.p12
