# job.sh OUT PROGRAM ARGUMENTS: runs a job of Spark. The connector has a list of authorities of its own, so that of a folder before it
# in the class path takes its place: one with the fakes' CA.
set -eu
stores=trust/com/google/cloud/spark/bigquery/repackaged/com/google/api/client/googleapis
mkdir -p "$stores"
for type in p12 jks; do
  keytool -importcert -noprompt -alias fakes -file "$SSL_CERT_FILE" -keystore "$stores/google.$type" -storepass notasecret \
    -storetype "$([ $type = jks ] && echo JKS || echo PKCS12)" 2> /dev/null
done
# Other parts use Java's own list.
keytool -importcert -noprompt -alias fakes -file "$SSL_CERT_FILE" -keystore trust.p12 -storepass changeit 2> /dev/null
export JAVA_TOOL_OPTIONS="-Djavax.net.ssl.trustStore=$PWD/trust.p12 -Djavax.net.ssl.trustStorePassword=changeit"
export SPARK_LOCAL_IP=127.0.0.1 PATH="$1/bin:$PATH"
jars=$(echo "$1"/jars/*.jar)
shift
spark-submit --master "local[1]" --driver-class-path "$PWD/trust" --jars "$jars" --conf spark.ui.enabled=false "$@"
