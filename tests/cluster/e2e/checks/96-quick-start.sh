# Runs the commands of the quick start's page, and compares their output with the page. Most of them are the README's.
# shellcheck shell=bash

# The chart gets the addresses of the fake clouds, and an admission policy sets them on the app.
use_fake_clouds() {
  copy_for_docs
  sed -i "s|^  settings: {}|  settings: {aws-sts-endpoint: '$clouds_aws_sts', sts-endpoint: '$clouds_google_sts', \
iam-credentials-endpoint: '$clouds_iam', ca-bundle: batch/ca.crt}|" "$copy/charts/rolebridge/values.yaml"
  render_object batch-policy | kubectl apply --filename -
}

# The files that the policy mounts into the app. Fails until the page has created the namespace.
create_batch_files() {
  kubectl --namespace shop create configmap batch --from-file=ca.crt="$work/clouds-ca.crt" --from-file="$copy/app.py"
}

quick_start_works() {
  helm uninstall rolebridge --namespace "$system" --ignore-not-found --wait
  kubectl delete namespace shop --ignore-not-found
  use_fake_clouds
  eventually create_batch_files &
  PATH=$programs:$PATH "$e2e/run_docs.py" "$root/docs/src/quick-start.md" "$copy" ${update:+--update} \
    --instead "$registry=ghcr.io/rolebridge" --instead ', rolebridge-ca=' \
    --instead "${clouds_google_sts#https://}=sts.googleapis.com" --without "${clouds_aws_sts%:*}" --without rolebridge.io/ca-bundle
  wait
  render_object batch-policy | kubectl delete --filename -
}

if [ ! "$mutating_policies" ]; then
  reason="Kubernetes $server does not serve MutatingAdmissionPolicy, which puts the addresses of the fakes into the page's app"
  echo "omitted: the quick start: $reason"
  table+=("omitted: the quick start: $reason")
elif [ "$local_cluster" ]; then # it enables that API
  run_check "quick start, from an empty folder to a working pod: each command prints the page's output" quick_start_works
fi
