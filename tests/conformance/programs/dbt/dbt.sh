set -eu
cp -r "$2" project
cd project
if [ -n "${REPEAT_SECONDS:-}" ]; then
  # One process, which builds ten models a second at most.
  for number in $(seq $((REPEAT_SECONDS * 10))); do cp models/orders.sql "models/orders$number.sql"; done
fi
"$1" --no-use-colors build --profiles-dir .
