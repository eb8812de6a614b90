# The source `metadata-host`: Apache Libcloud, which has the name of Google's metadata server compiled in, works unchanged, as
# UID 1000 under the restricted Pod Security Standard.
# shellcheck shell=bash

start_with_metadata_host() {
  render_object python-pod NAMESPACE=restricted NAME=metadata-host INJECT=true ARGUMENT=--metadata-host \
    POD_USER='{runAsNonRoot: true, runAsUser: 1000, seccompProfile: {type: RuntimeDefault}}' \
    USER='{allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}' |
    sed 's|rolebridge.io/inject: "true"|&\n    rolebridge.io/source: metadata-host|' | kubectl apply --filename -
}
reads_by_metadata_host() {
  start_with_metadata_host
  pod_succeeds restricted metadata-host
  output_has 'object: 1451 orders' kubectl --namespace restricted logs metadata-host --container report
  output_has 'first unprivileged port: 80' kubectl --namespace restricted logs metadata-host --container report
  assert_equal '[{"name":"net.ipv4.ip_unprivileged_port_start","value":"80"}]' \
    "$(kubectl --namespace restricted get pod metadata-host --output 'jsonpath={.spec.securityContext.sysctls}')"
  output_has '127.0.0.1' kubectl --namespace restricted get pod metadata-host --output 'jsonpath={.spec.hostAliases}'
}

run_check "metadata.google.internal works in a restricted pod" reads_by_metadata_host
