set -eu
seq 1 1000 > sales.csv
mkdir copy
rclone() {
  "$PROGRAM" --retries 1 --low-level-retries 3 --gcs-env-auth --gcs-bucket-policy-only "$@"
}
rclone copy sales.csv "$REMOTE"
rclone check --one-way . "$REMOTE" --include sales.csv
rclone lsf "$REMOTE"
rclone copy "$REMOTE" copy
cmp sales.csv copy/sales.csv && echo same content
