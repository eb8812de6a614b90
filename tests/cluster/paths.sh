# Paths of the cluster's programs, state and images. Sourced by the scripts in this folder.
# shellcheck shell=bash disable=SC2034
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
archive=$here/../../images/archive.py # writes images without a container engine
cache=${ROLEBRIDGE_CLUSTER_CACHE:-$HOME/.cache/rolebridge-cluster}
bin=$cache/bin       # programs that `build` compiles
state=$cache/state   # state of the running cluster: `up` creates it, `down` deletes it
images=$cache/images # images that `up` and `python-image` write
node_ip=10.244.0.1   # address of the node for its pods
kubeconfig=$state/admin.kubeconfig
