# Every identity by every source that it has, as the pod itself and as a Google service account.
# shellcheck shell=bash

declare -A providers=([aws-role]=aws/providers/eks [aws-jwt]=aws-jwt/providers/outbound [kubernetes]=kubernetes/providers/cluster)
declare -A sources=([aws-role]="loopback file metadata" [aws-jwt]="file metadata" [kubernetes]="file metadata")
declare -A subjects=(
  [aws-role]=arn:aws:sts::123456789012:assumed-role/nightly-report/shop.direct
  [aws-jwt]=arn:aws:iam::123456789012:role/nightly-report
  [kubernetes]=system:serviceaccount:shop:direct
)

reader() { # identity, source, service account
  object reader NAME="$1-$2-$3" IDENTITY="$1" SOURCE="$2" ACCOUNT="$3" PROVIDER="${providers[$1]}"
}
cells() { # identity
  local source account
  for source in ${sources[$1]}; do for account in direct nightly-report; do echo "$1 $source $account"; done; done
}

readers_begin() {
  object service-account | sed '/name: nightly-report/s/nightly-report/direct/; /rolebridge.io\/service-account/d' |
    kubectl --namespace shop apply --filename -
  local identity source account
  for identity in "${!providers[@]}"; do
    while read -r identity source account; do reader "$identity" "$source" "$account"; done < <(cells "$identity")
  done | kubectl --namespace shop apply --filename -
}

reads_with() { # identity
  local identity source account
  while read -r identity source account; do
    succeeds shop "$identity-$source-$account"
    has '"rows"' kubectl --namespace shop logs "$identity-$source-$account" --container report
  done < <(cells "$1")
  has "workloadIdentityPools/${providers[$1]%%/*}/subject/${subjects[$1]}\"" events Query
  note "${sources[$1]}"
}

no_sidecar_without_need() {
  equal '' "$(kubectl --namespace shop get pod kubernetes-file-direct --output 'jsonpath={.spec.initContainers}')"
  equal rolebridge "$(kubectl --namespace shop get pod kubernetes-metadata-direct --output 'jsonpath={.spec.initContainers[*].name}')"
}

others_have_no_loopback() {
  local identity
  for identity in aws-jwt kubernetes; do
    refused 'loopback' kubectl --namespace shop create --dry-run=server --filename - < <(reader $identity loopback direct)
  done
}

prove "pods of every identity and source are created" readers_begin
for identity in aws-role aws-jwt kubernetes; do
  prove "the identity $identity by every source, direct and impersonated" reads_with $identity
done
prove "the identity kubernetes has a sidecar only where its source needs one" no_sidecar_without_need
prove "loopback is refused where it means nothing" others_have_no_loopback
