gcloud auth print-identity-token --impersonate-service-account "$ACCOUNT" --audiences "$SERVICE_URL" --include-email
