# Uninstalls the chart.
# shellcheck shell=bash

same_objects_as_before() { list_objects > "$work/after"; diff "$work/before" "$work/after"; }

uninstall_leaves_no_object() {
  if same_objects_as_before > /dev/null; then echo "the installation had no objects"; return 1; fi
  helm uninstall rolebridge --namespace "$system" --wait --timeout "${longest_wait}s"
  eventually same_objects_as_before
  note "the same $(wc -l < "$work/after") objects as before the installation"
}

kubectl --namespace shop delete deployments --all --wait=false > /dev/null # no further check uses them
run_check "helm uninstall leaves no object behind" uninstall_leaves_no_object
