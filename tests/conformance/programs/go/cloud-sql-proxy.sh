set -eu
exec 2>&1
"$PROGRAM" --port 5432 "$INSTANCE" &
proxy=$!
trap 'kill $proxy; wait $proxy || true' EXIT
until exec 3<> /dev/tcp/127.0.0.1/5432; do
  kill -0 $proxy
  sleep 0.1
done
echo "an order" >&3
read -r answer <&3
echo "answer: $answer"
