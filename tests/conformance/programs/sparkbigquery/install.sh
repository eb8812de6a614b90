#!/bin/sh
# install.sh: installs Spark from PyPI and Google's connector, with its dependencies inside, from Maven Central.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
"$here/../../install-python" "$here/requirements.txt"
connector=com.google.cloud.spark:spark-3.5-bigquery:0.42.1
grep --quiet --no-messages --line-regexp "$connector" installed && exit
mvn --quiet --batch-mode dependency:copy -Dartifact="$connector" -DoutputDirectory=jars
echo "$connector" > installed
