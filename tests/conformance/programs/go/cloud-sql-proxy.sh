set -eu
exec 2>&1
# Several run at once.
port=$((5432 + ${RUN#run}))
"$PROGRAM" --port "$port" "$INSTANCE" &
proxy=$!
trap 'kill $proxy; wait $proxy || true' EXIT
connect() { exec 3<> /dev/tcp/127.0.0.1/$port; }
until connect; do
  kill -0 "$proxy"
  sleep 0.1
done
# The proxy renews a certificate of the emulator each half minute, so it gets three of them.
[ -z "${REPEAT_SECONDS:-}" ] || REPEAT_SECONDS=$((REPEAT_SECONDS + 70))
end=$((SECONDS + ${REPEAT_SECONDS:-0}))
while true; do
  echo "an order" >&3
  read -r answer <&3
  echo "answer: $answer"
  [ $SECONDS -lt "$end" ] || break
  sleep 1
  connect
done
