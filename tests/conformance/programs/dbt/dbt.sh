set -eu
cp -r "$2" project
cd project
"$1" --no-use-colors build --profiles-dir .
