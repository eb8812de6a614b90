# Setup before the checks: fake clouds, the chart, namespaces. Sourced by `run`.
# shellcheck shell=bash

# start_clouds: runs the fake clouds as a pod behind a Service, which works in any cluster. The cluster may have no DNS
# server, so clients use the Service's address. The certificate must contain that address, so the Service is created first.
start_clouds() {
  kubectl create namespace clouds
  kubectl apply --filename "$e2e/objects/clouds-service.yaml"
  local address issuer keys text
  address=$(read_clouds_address)
  # The fake AWS trusts this cluster's issuer by its public keys, as AWS does with an IAM OIDC provider for it.
  issuer=$(kubectl get --raw /.well-known/openid-configuration | sed 's/.*"issuer":"\([^"]*\)".*/\1/')
  keys=$(kubectl get --raw /openid/v1/jwks)
  text=$(cat "$e2e/clouds.yaml")
  text=${text//\$ISSUER_URL/$issuer}
  text=${text//\$ISSUER/${issuer#https://}}
  text=${text//\$KEYS/$keys}
  text=${text//\$ADDRESS/$address}
  kubectl --namespace clouds create configmap clouds --from-literal=clouds.yaml="$text"
  render_object clouds | kubectl apply --filename -
  kubectl --namespace clouds rollout status deployment/clouds --timeout "${longest_wait}s"
}

# read_clouds: reads the addresses of the fakes and the CA that they generated at their start.
read_clouds() {
  local address pod
  address=$(url_host "$(read_clouds_address)")
  pod=$(kubectl --namespace clouds get pods --selector app=clouds --output 'jsonpath={.items[0].metadata.name}')
  clouds_aws_sts=https://$address:8443 clouds_google_sts=https://$address:8444
  clouds_iam=https://$address:8445 clouds_storage=https://$address:8446 clouds_bigquery=https://$address:8447
  eventually kubectl get --raw "/api/v1/namespaces/clouds/pods/$pod:8080/proxy/ca.crt"
  kubectl get --raw "/api/v1/namespaces/clouds/pods/$pod:8080/proxy/ca.crt" > "$work/clouds-ca.crt"
}

# read_version: reads the version of the API server, and the version in which it serves MutatingAdmissionPolicy. Older ones
# do not serve it.
read_version() {
  server=$(kubectl version --output json | python3 -c 'import json, sys; print(json.load(sys.stdin)["serverVersion"]["gitVersion"])')
  mutating_policies=$(kubectl api-resources --no-headers --api-group admissionregistration.k8s.io |
    awk '$NF == "MutatingAdmissionPolicy" {print $2}')
}

# install_previous: installs the previous version of the chart.
install_previous() {
  kubectl create namespace "$system"
  kubectl label namespace "$system" pod-security.kubernetes.io/enforce=restricted
  # Kubernetes creates these objects in every namespace.
  eventually kubectl --namespace "$system" get configmap/kube-root-ca.crt serviceaccount/default
  list_objects > "$work/before"
  helm package "$root/target/images/previous/source/charts/rolebridge" --version "$previous" --app-version "$previous" --destination "$work"
  helm_install "$work/rolebridge-$previous.tgz"
}

helm_install() { helm_install_as rolebridge "$system" "$@"; } # chart, Helm's options...
helm_install_as() { # release, namespace, chart, Helm's options...
  local release=$1 namespace=$2; shift 2
  helm install "$release" "$@" --namespace "$namespace" --values "$e2e/values.yaml" \
    --set global.registry="$registry" --set webhook.image.pullPolicy="$pull" --set sidecar.image.pullPolicy="$pull" \
    --set defaults.settings.aws-sts-endpoint="$clouds_aws_sts" \
    --set defaults.settings.sts-endpoint="$clouds_google_sts" \
    --set defaults.settings.iam-credentials-endpoint="$clouds_iam" --wait --timeout "${longest_wait}s"
}

# create_certificate NAME DNS: writes NAME.crt and NAME.key to $work, signed by NAME-ca.crt, which is created if missing.
create_certificate() {
  local key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
  cd "$work" || return
  [ -e "$1-ca.crt" ] || openssl req -x509 "${key[@]}" -keyout "$1-ca.key" -out "$1-ca.crt" -days 2 -subj /CN=e2e
  openssl req "${key[@]}" -keyout "$1.key" -out "$1.csr" -subj "/CN=$1"
  openssl x509 -req -in "$1.csr" -CA "$1-ca.crt" -CAkey "$1-ca.key" -CAcreateserial -days 2 -out "$1.crt" \
    -extfile <(echo "subjectAltName=DNS:$2")
}

# copy_for_docs: copies the files that the README's commands use, and replaces the registry of the images.
copy_for_docs() {
  copy=$work/copy
  [ ! -e "$copy" ] || return 0
  mkdir "$copy"
  cp -r "$root/charts" "$root/manifests" "$copy"
  find "$copy" -name '*.yaml' -exec sed -i "s|ghcr.io/rolebridge|$registry|; s|ullPolicy: IfNotPresent|ullPolicy: $pull|" {} +
}

# create_app_namespace NAMESPACE: creates the namespace of an app team, with a service account that has an IAM role, and the
# CA of the clouds.
create_app_namespace() {
  kubectl create namespace "$1"
  kubectl --namespace "$1" create configmap clouds --from-file=ca.crt="$work/clouds-ca.crt"
  kubectl --namespace "$1" create configmap app --from-file="$e2e/objects/app.py"
  render_object service-account | kubectl --namespace "$1" apply --filename -
}

create_namespaces() {
  local namespace
  for namespace in shop restricted labelled counted; do create_app_namespace "$namespace"; done
  kubectl label namespace restricted pod-security.kubernetes.io/enforce=restricted
  kubectl label namespace labelled rolebridge.io/inject=enabled
}

# clean_cluster: deletes the objects of this run from a cluster that it did not start.
clean_cluster() {
  helm uninstall rolebridge --namespace "$system" --ignore-not-found
  kubectl delete namespace "${namespaces[@]}" --ignore-not-found
}
