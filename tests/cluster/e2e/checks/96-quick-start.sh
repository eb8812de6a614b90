# The quick start's page: its commands, most of them the README's, as they are written there; and what they print.
# shellcheck shell=bash

# The chart says where the fake clouds are, and a policy of the cluster's tells the app.
with_fake_clouds() {
  a_copy
  sed -i "s|^  settings: {}|  settings: {aws-sts-endpoint: '$clouds_aws_sts', sts-endpoint: '$clouds_google_sts', \
iam-credentials-endpoint: '$clouds_iam', ca-bundle: batch/ca.crt}|" "$copy/charts/rolebridge/values.yaml"
  object batch-policy | kubectl apply --filename -
}

# What the policy gives the app, as soon as the page has made the namespace.
batch_is_given() {
  kubectl --namespace shop create configmap batch --from-file=ca.crt="$work/clouds-ca.crt" --from-file="$copy/app.py"
}

quick_start() {
  helm uninstall rolebridge --namespace "$system" --ignore-not-found --wait
  kubectl delete namespace shop --ignore-not-found
  with_fake_clouds
  eventually 100 batch_is_given &
  PATH=$programs:$PATH "$e2e/page.py" "$root/docs/src/quick-start.md" "$copy" ${update:+--update} \
    --instead "$registry=ghcr.io/rolebridge" --instead ', rolebridge-ca=' --without "${clouds_aws_sts%:*}" --without ca-bundle
  wait
  object batch-policy | kubectl delete --filename -
}

if [ "$own" ]; then # which has the policy's API
  prove "the quick start, from an empty folder to a working pod: each command prints what its page says" quick_start
fi
