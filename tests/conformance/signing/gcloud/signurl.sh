lines=$(gsutil -i "$ACCOUNT" signurl -u -d 15m -r europe-west1 "gs://$BUCKET/$OBJECT")
echo "$lines" | tail -n 1 | cut -f 4
