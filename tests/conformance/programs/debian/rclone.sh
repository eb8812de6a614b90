set -eu
seq 1 1000 > sales.csv
mkdir copy
rclone() {
  "$PROGRAM" --retries 1 --low-level-retries 3 --gcs-env-auth --gcs-bucket-policy-only "$@"
}
if [ -n "${REPEAT_SECONDS:-}" ]; then
  # One process, which copies a file of 64 KiB each second.
  mkdir many
  for number in $(seq "$REPEAT_SECONDS"); do head -c 64K /dev/urandom > "many/$number"; done
  rclone copy --verbose --transfers 1 --bwlimit 64k many "$REMOTE"
  exit
fi
rclone copy sales.csv "$REMOTE"
rclone check --one-way . "$REMOTE" --include sales.csv
rclone lsf "$REMOTE"
rclone copy "$REMOTE" copy
cmp sales.csv copy/sales.csv && echo same content
