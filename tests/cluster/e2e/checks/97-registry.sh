# A release as its users get it: the images and the chart are pushed to a registry as the release workflow does, and installed
# from there by Helm, with the images pinned by their digests.
# shellcheck shell=bash

pulled=127.0.0.1:5000/rolebridge # the registry of processes.sh, and the path of the release in it
archives=${E2E_RELEASE:-$root/target/images}

# push_images: pushes both archives, and writes their digests to $work/PROGRAM.digest.
push_images() {
  "$here/restart" registry
  eventually curl --silent --fail "http://${pulled%%/*}/v2/"
  local program
  for program in webhook sidecar; do
    skopeo copy --all --preserve-digests --digestfile "$work/$program.digest" --dest-tls-verify=false \
      "oci-archive:$archives/rolebridge-$program.tar" "docker://$pulled/$program:$version"
  done
  note "$(architectures webhook)"
}
architectures() { # program
  skopeo inspect --raw --tls-verify=false "docker://$pulled/$1:$version" | python3 -c 'import json, sys
print(*sorted(image["platform"]["architecture"] for image in json.load(sys.stdin)["manifests"]), sep=" and ")'
}

push_chart() {
  helm package "$root/charts/rolebridge" --destination "$work"
  output_has "Digest: sha256:" helm push "$work/rolebridge-$version.tgz" "oci://$pulled/charts" --plain-http
}

installs_by_digest() {
  helm uninstall rolebridge --namespace "$system" --ignore-not-found --wait
  kubectl get namespace "$system" || kubectl create namespace "$system"
  registry=$pulled pull=Always helm_install "oci://$pulled/charts/rolebridge" --version "$version" --plain-http \
    --set webhook.image.digest="$(cat "$work/webhook.digest")" --set sidecar.image.digest="$(cat "$work/sidecar.digest")"
  assert_equal "$pulled/webhook@$(cat "$work/webhook.digest")" \
    "$(system_kubectl get pod "$(webhook_pod)" --output 'jsonpath={.status.containerStatuses[0].imageID}')"
}

pulled_sidecar_serves_an_app() {
  kubectl delete namespace shop --ignore-not-found # an earlier check may have created it with other objects
  create_app_namespace shop
  create_app pulled
  shop_kubectl rollout status deployment/pulled --timeout "${longest_wait}s"
  eventually output_has '{"rows":[["2026-11-22","1398"],["2026-11-23","1451"]]}' recent_rows deployment/pulled
  assert_equal "$pulled/sidecar@$(cat "$work/sidecar.digest")" "$(shop_kubectl get pods --selector app=pulled \
    --output 'jsonpath={.items[0].status.initContainerStatuses[0].imageID}')"
  shop_kubectl delete deployment pulled
}

if [ "$local_cluster" ]; then # its containerd pulls from the registry
  run_check "the images are pushed to a registry as a release, with their digests" push_images
  run_check "the chart is pushed to it by Helm" push_chart
  run_check "helm install from the registry runs the pushed images, pinned by digest" installs_by_digest
  run_check "an app with the pulled sidecar reads BigQuery" pulled_sidecar_serves_an_app
fi
