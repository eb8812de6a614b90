# What stays behind.
# shellcheck shell=bash

# Every object of every kind with our label or our name, but the namespace, which the tests made.
ours() {
  local kinds; kinds=$(kubectl api-resources --verbs=list --output name | grep -v '^events' | paste -sd,)
  kubectl get "$kinds" --all-namespaces --selector app.kubernetes.io/name=rolebridge --output name 2> /dev/null
  kubectl get "$kinds" --all-namespaces --output name 2> /dev/null | grep '/rolebridge' | grep -v "^namespace/$system" || true
}
nothing_left() { equal '' "$(ours)"; }

uninstall() {
  if nothing_left > /dev/null; then echo "nothing was there to begin with"; return 1; fi
  helm uninstall rolebridge --namespace "$system" --wait --timeout 60s
  eventually 60 nothing_left
}

prove "helm uninstall leaves nothing behind" uninstall
