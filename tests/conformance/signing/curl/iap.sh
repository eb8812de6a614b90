curl --silent --show-error --fail-with-body --header "Proxy-Authorization: Bearer $(cat "$TOKEN_FILE")" "$APPLICATION_URL"
