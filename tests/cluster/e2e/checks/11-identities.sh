# Every identity by every source that it has, as the pod itself and as a Google service account.
# shellcheck shell=bash

declare -A providers=([aws-role]=aws/providers/eks [aws-jwt]=aws-jwt/providers/outbound [kubernetes]=kubernetes/providers/cluster)
declare -A sources=([aws-role]="loopback file metadata" [aws-jwt]="file metadata" [kubernetes]="file metadata" [agent]="file metadata")
declare -A principals=( # of the pods that are nobody else
  [aws-role]=aws/subject/arn:aws:sts::123456789012:assumed-role/nightly-report/shop.direct\"
  [aws-jwt]=aws-jwt/subject/arn:aws:iam::123456789012:role/nightly-report\"
  [kubernetes]=kubernetes/subject/system:serviceaccount:shop:direct\"
  [agent]=aws/subject/arn:aws:sts::123456789012:assumed-role/associated/eks-e2e-agent-file-
)

reader() { # name, identity, source, service account
  object reader NAME="$1" IDENTITY="$2" SOURCE="$3" ACCOUNT="$4" PROVIDER="${providers[$2]}"
}
# cells IDENTITY: its pods, as words for `reader`. That of `agent` is aws-role, by EKS Pod Identity's agent.
cells() {
  local identity=$1 source account
  [ "$1" != agent ] || identity=aws-role
  for source in ${sources[$1]}; do
    for account in direct nightly-report; do echo "$1-$source-$account $identity $source $account"; done
  done
}
readers() { # identity
  local cell
  while read -ra cell; do reader "${cell[@]}"; done < <(cells "$1")
}

readers_begin() {
  object service-account | sed '/name: nightly-report/s/nightly-report/direct/; /rolebridge.io\/service-account/d' |
    kubectl --namespace shop apply --filename -
  local identity
  for identity in "${!providers[@]}"; do readers "$identity"; done | kubectl --namespace shop apply --filename -
}

# The node has the address that the agent has on EKS's nodes.
agent_begins() {
  ip address replace 169.254.170.23/32 dev cni0
  kubectl --namespace clouds create configmap eks-agent --from-file="$e2e/objects/agent.py"
  object eks-agent CLOUDS="$(kubectl --namespace clouds get service clouds --output 'jsonpath={.spec.clusterIP}')" |
    kubectl apply --filename -
  readers agent | kubectl patch --local --filename - --patch-file "$e2e/objects/eks-pod-identity.yaml" --output json |
    kubectl --namespace shop apply --filename -
}

reads_with() { # identity
  local name
  while read -r name _; do
    succeeds shop "$name"
    has '"rows"' kubectl --namespace shop logs "$name" --container report
  done < <(cells "$1")
  has "workloadIdentityPools/${principals[$1]}" events Query
  note "${sources[$1]}"
}

no_sidecar_without_need() {
  equal '' "$(kubectl --namespace shop get pod kubernetes-file-direct --output 'jsonpath={.spec.initContainers}')"
  equal rolebridge "$(kubectl --namespace shop get pod kubernetes-metadata-direct --output 'jsonpath={.spec.initContainers[*].name}')"
}

others_have_no_loopback() {
  local identity
  for identity in aws-jwt kubernetes; do
    refused 'loopback' kubectl --namespace shop create --dry-run=server --filename - < <(reader refused $identity loopback direct)
  done
}

prove "pods of every identity and source are created" readers_begin
for identity in aws-role aws-jwt kubernetes; do
  prove "the identity $identity by every source, direct and impersonated" reads_with $identity
done
prove "the identity kubernetes has a sidecar only where its source needs one" no_sidecar_without_need
prove "loopback is refused where it means nothing" others_have_no_loopback
if [ "$own" ]; then
  prove "pods with EKS Pod Identity's variables are created, and an agent" agent_begins
  prove "the identity aws-role by EKS Pod Identity's agent, direct and impersonated" reads_with agent
fi
