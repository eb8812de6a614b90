# crane.sh: pushes an image of one layer, and reads a file of the pulled one.
set -eu
exec 2>&1
docker-credential-gcr configure-docker --registries=us-docker.pkg.dev
echo "an order" > order.txt
tar -cf layer.tar order.txt
crane append --new_layer=layer.tar --new_tag="$IMAGE"
crane export "$IMAGE" image.tar
tar -xOf image.tar order.txt
