#!/bin/sh
# install.sh: compiles these programs in the current folder, with the libraries of the clients.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p src/main/java
cp "$here"/*.java src/main/java
exec "$here/../../clients/java/install.sh" .
