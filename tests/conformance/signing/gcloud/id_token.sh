gcloud auth print-identity-token --audiences "$SERVICE_URL"
