# Installs without Helm, with the commands of the installation page.
# shellcheck shell=bash

kubectl_apply_installs() {
  local before; before=$(list_cluster_objects)
  copy_for_docs
  "$e2e/run_docs.py" "$root/docs/src/install.md" "$copy" --only kubectl
  eventually output_has 'name: rolebridge-token' dry_run_pod \
    --annotations rolebridge.io/provider=projects/987654321098/locations/global/workloadIdentityPools/aws-pool/providers/eks-prod
  kubectl delete --kustomize "$copy/manifests" --wait=false
  eventually fails_with 'NotFound' kubectl get namespace "$system"
  assert_equal "$before" "$(list_cluster_objects)"
}

run_check "kubectl apply --kustomize manifests installs as Helm does, and kubectl delete leaves no object behind" kubectl_apply_installs
