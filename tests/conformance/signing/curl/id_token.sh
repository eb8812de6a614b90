curl --silent --show-error --fail-with-body --header "Authorization: Bearer $(cat "$TOKEN_FILE")" "$SERVICE_URL"
