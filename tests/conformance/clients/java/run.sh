# run.sh OUT CLASS: runs a Java app with a trust store that contains the fakes' CA, like an image with a company's CA.
set -eu
jdk=$1/jdk
if [ ! -e "$1/trust.p12" ] || [ "$CA" -nt "$1/trust.p12" ]; then
  rm -f "$1/trust.p12"
  "$jdk/bin/keytool" -importcert -noprompt -alias fakes -file "$CA" -keystore "$1/trust.p12" -storepass changeit > "$1/keytool.log" 2>&1
fi
exec "$jdk/bin/java" -XX:TieredStopAtLevel=1 -Djavax.net.ssl.trustStore="$1/trust.p12" -Djavax.net.ssl.trustStorePassword=changeit \
  -classpath "$1/target/client.jar:$1/target/lib/*" "$2"
