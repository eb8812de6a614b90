set -eu
echo "password: correct-horse" > secret.yaml
"$PROGRAM" encrypt --gcp-kms "$KEY" secret.yaml > encrypted.yaml
grep "password: ENC" encrypted.yaml
"$PROGRAM" decrypt encrypted.yaml
