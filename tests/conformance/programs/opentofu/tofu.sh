# tofu.sh PROGRAM: writes a state, waits for no lock of another, and reads the state from an empty folder.
set -eu
export TF_IN_AUTOMATION=1 TF_INPUT=0 CHECKPOINT_DISABLE=1
cat > main.tf <<CONFIG
terraform {
  backend "gcs" {
    bucket = "$BUCKET"
    prefix = "$RUN"
  }
}
resource "terraform_data" "order" { input = "an order" }
output "order" { value = terraform_data.order.output }
CONFIG
if [ -n "${REPEAT_SECONDS:-}" ]; then
  # One apply of steps that wait, one after the other. It writes the state after some of them, and releases the lock at its end.
  before=terraform_data.order
  for number in $(seq 6); do
    cat >> main.tf <<CONFIG
resource "terraform_data" "step$number" {
  depends_on = [$before]
  provisioner "local-exec" { command = "sleep $((REPEAT_SECONDS / 3))" }
}
CONFIG
    before=terraform_data.step$number
  done
fi
"$1" init -no-color
"$1" apply -no-color -auto-approve
# As another run would take the lock.
mkdir other
cp main.tf other
cd other
"$1" init -no-color
"$1" output -no-color
