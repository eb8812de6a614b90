# Without Helm, as the README says it.
# shellcheck shell=bash

kubectl_applies() {
  local before; before=$(of_cluster)
  a_copy
  "$e2e/page.py" "$root/docs/src/install.md" "$copy" --only kubectl
  eventually 10 has 'name: rolebridge-token' bare \
    --annotations rolebridge.io/provider=projects/987654321098/locations/global/workloadIdentityPools/aws/providers/eks
  kubectl delete --kustomize "$copy/manifests" --wait=false
  eventually 60 refused 'NotFound' kubectl get namespace "$system"
  equal "$before" "$(of_cluster)"
}

prove "kubectl apply --kustomize manifests does what Helm does, and its delete leaves nothing behind" kubectl_applies
