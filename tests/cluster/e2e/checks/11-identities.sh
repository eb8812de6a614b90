# Every identity with each of its sources, directly as the pod and as a Google service account.
# shellcheck shell=bash

declare -A providers=([aws-role]=aws-pool/providers/eks-prod [aws-jwt]=aws-jwt/providers/outbound [kubernetes]=kubernetes/providers/cluster)
declare -A sources=([aws-role]="loopback file metadata" [aws-jwt]="file metadata" [kubernetes]="file metadata" [agent]="file metadata")
declare -A principals=( # of the pods with direct access
  [aws-role]=aws-pool/subject/arn:aws:sts::123456789012:assumed-role/nightly-report/shop.direct\"
  [aws-jwt]=aws-jwt/subject/arn:aws:iam::123456789012:role/nightly-report\"
  [kubernetes]=kubernetes/subject/system:serviceaccount:shop:direct\"
  [agent]=aws-pool/subject/arn:aws:sts::123456789012:assumed-role/associated/eks-e2e-agent-file-
)

render_reader() { # name, identity, source, service account
  render_object reader NAME="$1" IDENTITY="$2" SOURCE="$3" ACCOUNT="$4" PROVIDER="${providers[$2]}"
}
# list_readers IDENTITY: prints the arguments of render_reader for each pod of the identity. `agent` is aws-role with EKS
# Pod Identity's agent.
list_readers() {
  local identity=$1 source account
  [ "$1" != agent ] || identity=aws-role
  for source in ${sources[$1]}; do
    for account in direct nightly-report; do echo "$1-$source-$account $identity $source $account"; done
  done
}
render_readers() { # identity
  local arguments
  while read -ra arguments; do render_reader "${arguments[@]}"; done < <(list_readers "$1")
}

start_readers() {
  render_object service-account | sed '/name: nightly-report/s/nightly-report/direct/; /rolebridge.io\/service-account/d' |
    kubectl --namespace shop apply --filename -
  local identity
  for identity in "${!providers[@]}"; do render_readers "$identity"; done | kubectl --namespace shop apply --filename -
}

# The node gets the address that the agent has on EKS's nodes. A cluster of EKS has either IPv4 or IPv6.
start_agent() {
  local address=169.254.170.23 prefix=32
  if [ "$network" = ipv6 ]; then address=fd00:ec2::23 prefix=128; fi
  ip address replace "$address/$prefix" dev cni0
  kubectl --namespace clouds create configmap eks-agent --from-file="$e2e/objects/agent.py"
  render_object eks-agent AGENT=$address CLOUDS="$(read_clouds_address)" | kubectl apply --filename -
  render_readers agent | kubectl patch --local --filename - --output json \
    --patch-file <(render_object eks-pod-identity HOST="$(url_host $address)") | kubectl --namespace shop apply --filename -
}

readers_read_rows() { # identity
  local name
  while read -r name _; do
    pod_succeeds shop "$name"
    output_has '"rows"' kubectl --namespace shop logs "$name" --container report
  done < <(list_readers "$1")
  output_has "workloadIdentityPools/${principals[$1]}" cloud_events Query
  note "${sources[$1]}"
}

kubernetes_file_has_no_sidecar() {
  assert_equal '' "$(kubectl --namespace shop get pod kubernetes-file-direct --output 'jsonpath={.spec.initContainers}')"
  assert_equal rolebridge "$(kubectl --namespace shop get pod kubernetes-metadata-direct --output 'jsonpath={.spec.initContainers[*].name}')"
}

other_identities_deny_loopback() {
  local identity
  for identity in aws-jwt kubernetes; do
    fails_with 'loopback' kubectl --namespace shop create --dry-run=server --filename - < <(render_reader refused $identity loopback direct)
  done
}

run_check "pods of every identity and source are created" start_readers
for identity in aws-role aws-jwt kubernetes; do
  run_check "identity $identity reads with every source, directly and impersonating" readers_read_rows $identity
done
run_check "identity kubernetes has a sidecar only if the source needs one" kubernetes_file_has_no_sidecar
run_check "the source loopback is denied for the identities aws-jwt and kubernetes" other_identities_deny_loopback
if [ "$local_cluster" ]; then
  run_check "an agent and pods with EKS Pod Identity's variables are created" start_agent
  run_check "identity aws-role with EKS Pod Identity's agent reads, directly and impersonating" readers_read_rows agent
fi
