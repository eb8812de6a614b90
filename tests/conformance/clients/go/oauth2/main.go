// Works like Terraform's provider: default credentials from x/oauth2, and plain HTTP.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
)

func main() {
	log.SetFlags(0) // without the time
	ctx := context.Background()
	credentials, err := google.FindDefaultCredentials(ctx, "https://www.googleapis.com/auth/cloud-platform")
	if err != nil {
		log.Fatal(err)
	}
	response, err := oauth2.NewClient(ctx, credentials.TokenSource).Get(os.Getenv("URL"))
	if err != nil {
		log.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		log.Fatal(response.Status, " ", string(body), err)
	}
	fmt.Println(string(body))
}
