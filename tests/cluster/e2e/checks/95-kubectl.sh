# Without Helm.
# shellcheck shell=bash

# What a platform team writes to have other images and defaults than those of manifests/.
overlay() {
  cp -r "$root/manifests" "$work/manifests"
  mkdir "$work/overlay"
  cat > "$work/overlay/kustomization.yaml" << Y
resources: [../manifests]
images:
  - { name: ghcr.io/rolebridge/webhook, newName: $registry/webhook, newTag: $version }
patches:
  - target: { kind: Deployment }
    patch: '[{"op": "replace", "path": "/spec/template/spec/containers/0/imagePullPolicy", "value": "$pull"}]'
Y
}

kubectl_applies() {
  local before; before=$(of_cluster)
  overlay
  kubectl apply --kustomize "$work/overlay"
  webhooks rollout status deployment/rolebridge --timeout 60s
  eventually 10 has 'name: rolebridge-token' bare \
    --annotations rolebridge.io/provider=projects/987654321098/locations/global/workloadIdentityPools/aws/providers/eks
  kubectl delete --kustomize "$work/overlay" --wait=false
  eventually 60 refused 'NotFound' kubectl get namespace "$system"
  equal "$before" "$(of_cluster)"
}

prove "kubectl apply --kustomize manifests does what Helm does, and its delete leaves nothing behind" kubectl_applies
