# job.sh PROGRAM: runs the provider with a configuration of Kubernetes, as in a pod. The provider reads it at its start, and calls no API
# server for a store without `auth`.
set -eu
cat > kubeconfig <<CONFIG
{apiVersion: v1, kind: Config, current-context: pod, contexts: [{name: pod, context: {cluster: here}}],
 clusters: [{name: here, cluster: {server: "https://127.0.0.1:1"}}]}
CONFIG
KUBECONFIG=$PWD/kubeconfig "$1"
