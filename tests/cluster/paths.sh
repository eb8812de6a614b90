# Where the cluster's programs, state and images lie. Sourced by the scripts beside it.
# shellcheck shell=bash disable=SC2034
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
archive=$here/../../images/archive.py # makes images without an engine
cache=${ROLEBRIDGE_CLUSTER_CACHE:-$HOME/.cache/rolebridge-cluster}
bin=$cache/bin       # what `build` compiles
state=$cache/state   # of the running cluster: `up` makes it, `down` deletes it
images=$cache/images # what `up` and `python-image` make
node_ip=10.244.0.1   # what pods reach the node by
kubeconfig=$state/admin.kubeconfig
