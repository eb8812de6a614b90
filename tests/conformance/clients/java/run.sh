# run.sh OUT CLASS: runs a Java app with a trust store that contains the fakes' CA, like an image with a company's CA. Several
# fakes may run at once, each with a CA and so with a store of its own.
set -eu
jdk=$1/jdk
store=$1/trust-$(cksum < "$CA" | cut -d ' ' -f 1).p12
if [ ! -e "$store" ]; then
  new=$store.$$
  "$jdk/bin/keytool" -importcert -noprompt -alias fakes -file "$CA" -keystore "$new" -storepass changeit > "$1/keytool.log" 2>&1
  mv "$new" "$store"
fi
exec "$jdk/bin/java" -XX:TieredStopAtLevel=1 -Djavax.net.ssl.trustStore="$store" -Djavax.net.ssl.trustStorePassword=changeit \
  -classpath "$1/target/client.jar:$1/target/lib/*" "$2"
