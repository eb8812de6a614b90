#!/bin/sh
# install.sh: installs Spark from PyPI and Google's connector, with its dependencies inside, from Maven Central.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
"$here/../../install-python" "$here/requirements.txt"
connector=com.google.cloud.bigdataoss:gcs-connector:3.1.9:jar:shaded
grep --quiet --no-messages --line-regexp "$connector" installed && exit
mvn --quiet --batch-mode dependency:copy -Dartifact="$connector" -DoutputDirectory=jars
echo "$connector" > installed
