gcloud storage sign-url "gs://$BUCKET/$OBJECT" --duration 15m --region auto \
  --impersonate-service-account "$ACCOUNT" --format 'value(signed_url)'
