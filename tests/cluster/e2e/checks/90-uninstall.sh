# What stays behind.
# shellcheck shell=bash

same_as_before() { everything > "$work/after"; diff "$work/before" "$work/after"; }

uninstall() {
  if same_as_before > /dev/null; then echo "nothing was there to begin with"; return 1; fi
  helm uninstall rolebridge --namespace "$system" --wait --timeout 60s
  eventually 60 same_as_before
  note "the same $(wc -l < "$work/after") objects as before"
}

kubectl --namespace shop delete deployments --all --wait=false > /dev/null # nobody looks at them any more
prove "helm uninstall leaves nothing behind" uninstall
