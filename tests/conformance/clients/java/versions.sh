#!/bin/sh
# versions.sh list: writes the versions of google-auth-library-oauth2-http.
# versions.sh install VERSION: compiles Auth.java in the current folder with that version.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ "$1" = list ]; then
  # Any version's range makes Maven download the list.
  mkdir -p list
  sed "s/AUTH_VERSION/[1.0,)/" "$here/versions.xml" > list/pom.xml
  mvn --quiet --batch-mode --file list/pom.xml dependency:resolve > list/log 2>&1 || cat list/log >&2
  sed -nE 's|.*<version>([0-9.]+)</version>.*|\1|p' \
    "$HOME"/.m2/repository/com/google/auth/google-auth-library-oauth2-http/maven-metadata-*.xml | grep -vE '^0\.([0-9]|1[0-9]|2[0-3])\.' | sort -u # those are without federation
  exit
fi
mkdir -p src/main/java
cp "$here/src/main/java/Auth.java" src/main/java
sed "s/AUTH_VERSION/$2/" "$here/versions.xml" > pom.xml
mvn --quiet --batch-mode package
ln -sfn "$(dirname "$(dirname "$(readlink -f "$(command -v java)")")")" jdk
rm -f trust.p12
