# Upgrades from the previous version to this one under load. The load runs until 16-rotation.
# shellcheck shell=bash

previous_app_reads() {
  create_app upgraded
  shop_kubectl rollout status deployment/upgraded --timeout "${longest_wait}s"
  eventually output_has '"rows"' recent_rows deployment/upgraded
}

# Its pods stay, with the sidecar of the previous version. A new pod gets the sidecar of this one.
pods_of_both_versions_read() {
  assert_equal "$registry/sidecar:$previous" "$(sidecar_of upgraded)"
  eventually output_has '"rows"' recent_rows deployment/upgraded
  create_app current
  shop_kubectl rollout status deployment/current --timeout "${longest_wait}s"
  assert_equal "$registry/sidecar:$version" "$(sidecar_of current)"
  eventually output_has '"rows"' recent_rows deployment/current
  shop_kubectl delete deployment upgraded current --wait=false
}
sidecar_of() { # app
  shop_kubectl get pods --selector "app=$1" --output 'jsonpath={.items[0].spec.initContainers[0].image}'
}

run_check "an app that the previous version injects reads BigQuery" previous_app_reads
run_check "load: fifty pods a second are created from now on" start_load
run_check "helm upgrade from the previous version, under load" during_load upgrade_and_verify
run_check "after it, pods with the sidecar of the previous and of this version read BigQuery" pods_of_both_versions_read
